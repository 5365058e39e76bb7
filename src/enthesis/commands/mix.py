"""`enthesis mix`: what to draw up for a mixture, and whether its dose is safe."""

import argparse
import json
import sys
from datetime import datetime
from decimal import Decimal, InvalidOperation

from enthesis.journey.treat import (
    DoseCheck,
    MixtureError,
    Portion,
    Recipe,
    amount,
    check_doses,
    recipe,
)
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load import knowledge
from enthesis.records import Ingredient, Mixture
from enthesis.units import Kg, Ml, Percent

EXAMPLES = """\
examples:
  10 mL of 15 % dextrose with 0.2 % lidocaine, for somebody of 70 kg:
    enthesis mix --dextrose 15 --lidocaine 0.2 --volume 10 \\
                 --stock-dextrose 50 --stock-lidocaine 1 --weight 70
  6 mL of 25 % dextrose in saline, without lidocaine:
    enthesis mix --dextrose 25 --volume 6 --stock-dextrose 50 --diluent saline
  7 mL with 0.7 % sodium morrhuate as well, from its 5 % vial:
    enthesis mix --dextrose 10 --volume 7 --stock-dextrose 50 --diluent saline \\
                 --with morrhuate 0.7 5

exit status: 0 a recipe was printed; 1 it is impossible or unsafe; 2 the command was not understood
"""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "mix",
        help="what to draw up for a mixture, and whether its dose is safe",
        description="Works out what to draw up, and checks the anaesthetics against the weight. "
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
    stock.add_argument(
        "--with",
        dest="others",
        nargs=3,
        action="append",
        default=[],
        metavar=("SUBSTANCE", "PERCENT", "STOCK"),
        help="another ingredient: its strength in the mixture and in its vial; may be repeated",
    )
    parser.add_argument("--weight", metavar="KG", help="of the patient; needed for any anaesthetic")
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
    print(_as_json(made, checked) if args.json else _as_text(made, checked, known))
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
        others=tuple(
            Ingredient(
                name, Percent(_number(percent, "--with")), Percent(_number(strength, "--with"))
            )
            for name, percent, strength in args.others
        ),
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
    # Lidocaine is there even where none is mixed in: programs have read it since the beginning.
    none = {"lidocaine_stock_ml": 0, "drawn_lidocaine_stock_ml": 0, "drawn_lidocaine_percent": 0}
    numbers: dict[str, Decimal | int | None] = {
        **none,
        "lidocaine_mg": 0,
        "lidocaine_ceiling_mg": None,
        "diluent_ml": made.diluent_ml,
        "drawn_diluent_ml": made.drawn_diluent_ml,
        "dextrose_g": made.dextrose_g,
        "osmolarity_mosm_l": made.osmolarity_mosm_l,
        "volume_ml": made.volume_ml,
    }
    for portion in made.portions:
        name = portion.ingredient.substance
        numbers |= {
            f"{name}_stock_ml": portion.stock_ml,
            f"drawn_{name}_stock_ml": portion.drawn_ml,
            f"drawn_{name}_percent": portion.drawn_percent,
        }
        if portion.role == "anaesthetic":
            numbers |= {
                f"{name}_mg": portion.mg,
                f"{name}_ceiling_mg": checked.ceiling_mg.get(name),
            }
    # JSON has no decimals: a float's shortest spelling is exact for what a syringe can hold.
    plain = {name: None if n is None else float(n) for name, n in numbers.items()}
    left_out = list(made.osmolarity_leaves_out)
    return json.dumps(
        {**plain, "diluent": made.diluent, "osmolarity_leaves_out": left_out}, indent=2
    )


def _as_text(made: Recipe, checked: DoseCheck, known: Knowledge) -> str:
    step = known.mixing.draw_step_ml
    names = {p: known.substances[p.ingredient.substance].name for p in made.portions}
    rows = [
        (f"{name.lower()} {portion.ingredient.stock_percent} %", portion.drawn_ml)
        for portion, name in names.items()
    ]
    rows.append((known.substances[made.diluent].name, made.drawn_diluent_ml))
    lines = [f"Draw up (to {amount(step, 'mL')}):"]
    lines += [f"  {amount(volume, 'mL'):>9}  {name}" for name, volume in rows]
    lines += [f"  {amount(made.volume_ml, 'mL'):>9}  in all", ""]
    for portion, name in names.items():
        lines.append(f"{name:<11} {_strength(portion, made, checked)}")
    if made.osmolarity_mosm_l is not None:
        lines.append(f"Osmolarity  {_osmolarity(made, known)}")
    return "\n".join(lines)


def _strength(portion: Portion, made: Recipe, checked: DoseCheck) -> str:
    told = f"{amount(portion.drawn_percent, '%')} as drawn"
    name = portion.ingredient.substance
    if portion.role == "anaesthetic":
        told += (
            f", {amount(portion.mg, 'mg')} of at most "
            f"{amount(checked.ceiling_mg[name], 'mg')} for this weight"
        )
    return told + f", {amount(made.dextrose_g, 'g')}" * (name == "dextrose")


def _osmolarity(made: Recipe, known: Knowledge) -> str:
    value = amount(made.osmolarity_mosm_l or Decimal(0), "mOsm/L")
    if not made.osmolarity_leaves_out:
        return value
    names = " and ".join(known.substances[id].name.lower() for id in made.osmolarity_leaves_out)
    vials = "vials add" if len(made.osmolarity_leaves_out) > 1 else "vial adds"
    return f"{value} from dextrose and diluent; what the {names} {vials} is not known"


def _refuse(reason: str, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"error": reason}))
    print(reason, file=sys.stderr)
    return 1
