"""One-time codes, PINs and the like: digits that a word nearby calls a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lm.privacy.digits import ascii_digits
from lm.privacy.span import Span

_WORD = re.compile(
    r"(?<!\[)\b(?:(?P<strong>otp|2fa|m?tan|pin|passcode|password|passwort|passwd|contraseña|senha|пароль"
    r"|парол[яюем]|mot de passe|verification|verifi\w{2,8}|best[äa]tigungs?code|einmal\w{2,10})"
    r"|codes?|codice|c[oó]digo|код\w{0,2}|kod|kode|koda|kodu|mã)\b"
    r"|验证码|驗證碼|校验码|認証コード|暗証番号|密码|密碼|인증번호|رمز|الرمز|कोड|ओटीपी|รหัส",
    re.IGNORECASE,
)
_DIGITS = re.compile(
    r"(?<![\w.,/#-])(?<!\d:)(?:[A-Z]{1,2}-)?(\d{4,8}|\d{3}[- ]\d{3}|\d{4}[- ]\d{4})"
    r"(?![\w:%€$£]|[.,:/-]\d)"
)
_NEAR = 40  # characters on either side of the word in which a code begins
_LONGEST = 16  # characters of a code and what tells its end
_YEAR = re.compile(r"(?:19|20)\d\d")


def codes(text: str) -> Iterator[Span]:
    """Codes near a word for one. A year counts as a code only after a word like password."""
    seen = -1  # the end of what was looked at, so that many words do not make it quadratic
    for word in _WORD.finditer(text):
        start = max(seen, word.start() - _NEAR)
        for match in _DIGITS.finditer(text, start, word.end() + _NEAR + _LONGEST):
            value = ascii_digits(match[1])
            late = match.start() > word.end() + _NEAR
            if late or (_YEAR.fullmatch(value) and not word["strong"]):
                continue
            seen = match.end()
            yield Span(match.start(), match.end(), "code", value)
