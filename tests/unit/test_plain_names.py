"""What a person may be called: every Latin letter, a few signs, nothing that reads like another name."""

import msgspec
import pytest

from service.kernel.texts import PlainName


@pytest.mark.parametrize(
    "name", ["Müller", "Nguyễn Thị Hạnh", "Ẓahra Ḥaddad", "GROẞ", "O'Neill-Łuczak (jr)", "A&B"]
)
def test_a_name_has_latin_letters_of_every_alphabet(name: str) -> None:
    assert msgspec.convert(name, PlainName) == name


@pytest.mark.parametrize("name", ["Müller & Sohn", "one, two", "Аnna", "Ωmega", " x", "x ", "a--- b"])
def test_a_name_reads_like_no_other_and_like_no_list(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(name, PlainName)
