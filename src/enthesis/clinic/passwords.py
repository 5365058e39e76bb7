"""What a password must not be made of. Hardly one of the known lists of common passwords has
twelve letters; people lengthen a short one instead: with digits, or by writing it twice.
"""

import re
import string
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

LEAST_OWN = 8
"""Letters and digits that are left when the words that anybody knows here are taken out: as many
as NIST SP 800-63B asks of any password."""
LEAST_WORD = 4
ALWAYS = ("enthesis", "prolotherapy", "clinic", "password")
_AROUND = string.digits + string.punctuation + " "
_TWICE = re.compile(r"(.+?)\1+", re.DOTALL)


class LengthenedPasswordValidator(CommonPasswordValidator):
    """Refuses a common password that was only lengthened."""

    def validate(self, password: str, user: Any = None) -> None:
        """ValidationError for one of the common ones with digits and signs around, or repeated."""
        whole = password.casefold()
        cores = {_once(whole).strip(_AROUND), _once(whole.strip(_AROUND))}
        if any(len(set(core)) < 3 or core in self.passwords for core in cores):
            raise ValidationError("This is a common password made longer. Take a few words.")


def _once(text: str) -> str:
    repeated = _TWICE.fullmatch(text)
    return repeated[1] if repeated else text


class ContextPasswordValidator:
    """Refuses what is made of the names of the clinic, the user and the program."""

    def validate(self, password: str, user: Any = None) -> None:
        """ValidationError where too little else is in it."""
        left = password.casefold()
        for word in sorted(_known_here(user), key=len, reverse=True):
            left = left.replace(word, " ")
        if sum(letter.isalnum() for letter in left) < LEAST_OWN:
            raise ValidationError("This is made of names that anybody knows here. Take others.")

    def get_help_text(self) -> str:
        """What Django may say beforehand."""
        return "Your password must not be made of the clinic’s name or yours."


def _known_here(user: Any) -> set[str]:
    clinic = getattr(user, "clinic", None)
    names = (getattr(user, "username", ""), getattr(user, "display_name", ""))
    told = " ".join((*names, clinic.name if clinic else "", *ALWAYS)).casefold()
    return {word for word in re.split(r"[\W_]+", told) if len(word) >= LEAST_WORD}
