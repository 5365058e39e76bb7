"""`enthesis mix`: what to draw up for a mixture, and whether its dose is safe."""

import argparse
import json
import sys
from datetime import datetime
from decimal import Decimal, InvalidOperation

from enthesis.journey.treat import DoseCheck, MixtureError, Recipe, amount, check_doses, recipe
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load import knowledge
from enthesis.records import Mixture
from enthesis.units import Kg, Ml, Percent

EXAMPLES = """\
examples:
  10 mL of 15 % dextrose with 0.2 % lidocaine, for somebody of 70 kg:
    enthesis mix --dextrose 15 --lidocaine 0.2 --volume 10 \\
                 --stock-dextrose 50 --stock-lidocaine 1 --weight 70
  6 mL of 25 % dextrose in saline, without lidocaine:
    enthesis mix --dextrose 25 --volume 6 --stock-dextrose 50 --diluent saline

exit status: 0 a recipe was printed; 1 it is impossible or unsafe; 2 the command was not understood
"""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "mix",
        help="what to draw up for a mixture, and whether its dose is safe",
        description="Works out what to draw up, and checks the lidocaine against the weight. "
        "A recipe that is impossible or unsafe is refused with the reason.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # Numbers are read in run(): a mistyped one is refused like any other mistake, with a reason.
    needed = parser.add_argument_group("what is wanted")
    needed.add_argument("--dextrose", metavar="PERCENT", required=True, help="in the mixture")
    needed.add_argument("--lidocaine", metavar="PERCENT", default="0", help="in the mixture")
    needed.add_argument("--volume", metavar="ML", required=True, help="of the mixture")
    stock = parser.add_argument_group("what it is made of")
    stock.add_argument("--stock-dextrose", metavar="PERCENT", required=True, help="in its vial")
    stock.add_argument("--stock-lidocaine", metavar="PERCENT", help="in its vial")
    stock.add_argument(
        "--adrenaline", action="store_true", help="the lidocaine contains adrenaline"
    )
    stock.add_argument(
        "--diluent", choices=("water", "saline"), default="water", help="default water"
    )
    parser.add_argument("--weight", metavar="KG", help="of the patient; needed for any lidocaine")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the recipe (0), or the reason why there is none (1)."""
    known = knowledge(datetime.now().astimezone().date())
    try:
        mixture = _mixture(args)
        weight = Kg(_number(args.weight, "--weight")) if args.weight is not None else None
        made = recipe(mixture, known)
        checked = check_doses((mixture,), (), weight, known)
    except MixtureError as error:
        return _refuse(error.text, args.json)
    if checked.blocks:
        return _refuse(" ".join(p.text for p in checked.problems), args.json)
    print(_as_json(made, checked) if args.json else _as_text(made, mixture, checked, known))
    return 0


def _mixture(args: argparse.Namespace) -> Mixture:
    lidocaine = _number(args.lidocaine, "--lidocaine")
    if lidocaine and args.stock_lidocaine is None:
        raise MixtureError(
            "anaesthetic_incomplete", "Give --stock-lidocaine: how strong its vial is."
        )
    stock = _number(args.stock_lidocaine, "--stock-lidocaine") if lidocaine else None
    return Mixture(
        key="mixture",
        volume_ml=Ml(_number(args.volume, "--volume")),
        dextrose_percent=Percent(_number(args.dextrose, "--dextrose")),
        dextrose_stock_percent=Percent(_number(args.stock_dextrose, "--stock-dextrose")),
        diluent=args.diluent,
        anaesthetic="lidocaine" if lidocaine else None,
        anaesthetic_percent=Percent(lidocaine) if lidocaine else None,
        anaesthetic_stock_percent=None if stock is None else Percent(stock),
        with_adrenaline=args.adrenaline,
    )


def _number(text: str, option: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise MixtureError("no_number", f"{option}: “{text}” is no number.") from None
    # Nobody mixes with more digits; beyond them decimals would no longer be exact.
    if not number.is_finite() or number.adjusted() > 5 or len(number.as_tuple().digits) > 9:
        raise MixtureError("no_number", f"{option}: {text} is no usable number.")
    if number < 0:
        raise MixtureError("not_above_zero", f"{option}: {text} is below zero.")
    return number


def _as_json(made: Recipe, checked: DoseCheck) -> str:
    numbers = {
        "dextrose_stock_ml": made.dextrose_stock_ml,
        "lidocaine_stock_ml": made.anaesthetic_stock_ml,
        "diluent_ml": made.diluent_ml,
        "lidocaine_mg": made.anaesthetic_mg,
        "dextrose_g": made.dextrose_g,
        "osmolarity_mosm_l": made.osmolarity_mosm_l,
        "volume_ml": made.volume_ml,
        "lidocaine_ceiling_mg": checked.ceiling_mg.get("lidocaine"),
        "drawn_dextrose_stock_ml": made.drawn.dextrose_stock_ml,
        "drawn_lidocaine_stock_ml": made.drawn.anaesthetic_stock_ml,
        "drawn_diluent_ml": made.drawn.diluent_ml,
        "drawn_dextrose_percent": made.drawn.dextrose_percent,
        "drawn_lidocaine_percent": made.drawn.anaesthetic_percent,
    }
    # JSON has no decimals: a float's shortest spelling is exact for what a syringe can hold.
    plain = {name: None if n is None else float(n) for name, n in numbers.items()}
    left_out = list(made.osmolarity_leaves_out)
    return json.dumps(
        {**plain, "diluent": made.diluent, "osmolarity_leaves_out": left_out}, indent=2
    )


def _as_text(made: Recipe, mixture: Mixture, checked: DoseCheck, known: Knowledge) -> str:
    step = known.mixing.draw_step_ml
    rows = [
        (f"dextrose {mixture.dextrose_stock_percent} %", made.drawn.dextrose_stock_ml),
        (f"lidocaine {mixture.anaesthetic_stock_percent} %", made.drawn.anaesthetic_stock_ml),
        (known.substances[made.diluent].name, made.drawn.diluent_ml),
    ]
    if made.anaesthetic is None:
        del rows[1]
    lines = [f"Draw up (to {amount(step, 'mL')}):"]
    lines += [f"  {amount(volume, 'mL'):>9}  {name}" for name, volume in rows]
    lines.append(f"  {amount(made.volume_ml, 'mL'):>9}  in all")
    lines += ["", f"Dextrose    {_drawn_strength(made)}, {amount(made.dextrose_g, 'g')}"]
    if made.anaesthetic:
        lines.append(f"Lidocaine   {_lidocaine(made, checked)}")
    if made.osmolarity_mosm_l is not None:
        lines.append(f"Osmolarity  {_osmolarity(made)}")
    return "\n".join(lines)


def _drawn_strength(made: Recipe) -> str:
    return f"{amount(made.drawn.dextrose_percent, '%')} as drawn"


def _lidocaine(made: Recipe, checked: DoseCheck) -> str:
    return (
        f"{amount(made.drawn.anaesthetic_percent, '%')} as drawn, "
        f"{amount(made.anaesthetic_mg, 'mg')} of at most "
        f"{amount(checked.ceiling_mg['lidocaine'], 'mg')} for this weight"
    )


def _osmolarity(made: Recipe) -> str:
    value = amount(made.osmolarity_mosm_l or Decimal(0), "mOsm/L")
    if not made.osmolarity_leaves_out:
        return value
    return f"{value} from dextrose and diluent; what the lidocaine vial adds is not known"


def _refuse(reason: str, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"error": reason}))
    print(reason, file=sys.stderr)
    return 1
