"""Element symbols and atomic numbers."""

from molbench.data.build.parsers.text import shown

SYMBOLS = (  # noqa: SIM905 - a list literal of 118 strings reads worse
    "H He "
    "Li Be B C N O F Ne "
    "Na Mg Al Si P S Cl Ar "
    "K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr "
    "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe "
    "Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn "
    "Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og"
).split()

_NUMBERS = {symbol.encode(): number for number, symbol in enumerate(SYMBOLS, start=1)}
_NUMBERS |= {b"D": 1, b"T": 1} | {str(number).encode(): number for number in range(1, len(SYMBOLS) + 1)}
_CAPITALS = {symbol.upper(): symbol for symbol in SYMBOLS}
_DUMMIES = {b"0", b"*", b"X", b"XX", b"DU", b"BQ", b"LP", b"EP"}


def atomic_number(token: bytes) -> int:
    """Atomic number of a symbol as in ``Cl``, of deuterium and tritium, or of the number itself in digits.

    Symbols in other letters are refused: ``CA`` is an atom name of alpha carbon as often as it is calcium.

    Raises:
        ValueError: If it is none, naming it.
    """
    if (number := _NUMBERS.get(token)) is not None:
        return number
    hint = ""
    if symbol := _CAPITALS.get(token.decode("latin-1").upper()):
        hint = f" (symbols are written as in '{symbol}')"
    elif token.upper() in _DUMMIES:
        hint = " (a dummy atom)"
    raise ValueError(f"unknown element {shown(token)}{hint}")
