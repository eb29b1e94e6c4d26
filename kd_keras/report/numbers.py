"""Formatting of a report's numbers, for its page and for the terminal."""

from typing import Any

from kd_keras.codes.tiers import Tiers

UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


def format_bytes(count: int, like: int | None = None) -> str:
    """Formats a number of bytes in decimal units.

    Args:
        count: int. Number of bytes.
        like: int or None. Number of bytes whose unit is used; None means that
            of `count`.

    Returns:
        A str.

    Example:

    >>> format_bytes(8_000_000), format_bytes(569_600), format_bytes(12)
    ('8.00 MB', '569.6 kB', '12 bytes')
    >>> format_bytes(569_600, like=8_000_000)
    '0.57 MB'
    """
    size = count if like is None else like
    for unit, name in UNITS:
        if size >= unit:
            places = 1 if name == "kB" else 2
            return f"{count / unit:.{places}f} {name}"
    return f"{count} byte{'s' * (count != 1)}"


def format_number(value: float | None) -> str:
    """Formats a measurement to four digits.

    Args:
        value: float or None.

    Returns:
        A str, "none" for None.

    Example:

    >>> format_number(1.23456), format_number(0.0), format_number(None)
    ('1.235', '0', 'none')
    """
    return "none" if value is None else f"{value:.4g}"


def format_share(value: float | None) -> str:
    """Formats a share as a percentage.

    Args:
        value: float or None.

    Returns:
        A str, "none" for None.

    Example:

    >>> format_share(0.1234), format_share(None)
    ('12.3 %', 'none')
    """
    return "none" if value is None else f"{100 * value:.1f} %"


def format_ratio(ratio: float) -> str:
    """Formats how many times smaller, or larger, the compressed table is.

    Args:
        ratio: float, positive. Size before divided by size after.

    Returns:
        A str.

    Example:

    >>> format_ratio(14.04), format_ratio(131.2), format_ratio(0.8)
    ('14.0x smaller', '131x smaller', '1.2x larger')
    """
    if ratio < 1:
        return f"{1 / ratio:.1f}x larger"
    return f"{ratio:.{1 if ratio < 100 else 0}f}x smaller"


def format_kept(neighbours: dict[str, Any]) -> str:
    """Formats how many neighbours are kept.

    Args:
        neighbours: Dictionary with `mean_kept` and `count`, as in a report.

    Returns:
        A str.

    Example:

    >>> format_kept({"mean_kept": 6.123, "count": 10})
    '6.1 of 10'
    """
    kept = neighbours["mean_kept"]
    return "none" if kept is None else f"{kept:.1f} of {neighbours['count']}"


def format_sample(symbols: int, N: int) -> str:
    """Says that only a sample of the symbols was measured.

    Args:
        symbols: int. Number of symbols that were measured.
        N: int. Number of all symbols.

    Returns:
        A str, empty if all symbols were measured.

    Example:

    >>> format_sample(1_000, 1_000_000), format_sample(20, 20)
    ('of 1,000 symbols drawn at random', '')
    """
    return "" if symbols == N else f"of {symbols:,} symbols drawn at random"


def size_parts(report: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Lists the parts of the compressed table.

    Args:
        report: Dictionary. Contents of `report.json`.

    Returns:
        List of tuples: the name of the part, its shape in words, its bytes.
    """
    sizes, K, D = report["bytes"], report["K"], report["D"]
    bits = (K - 1).bit_length()
    packed = format_bytes(sizes["codes"] // report["N"])
    how = f"{D} x {bits} bits in {packed} per symbol"
    if "tiers" in report:
        how = f"positions of {bits} bits: {format_tiers(report)}"
        if not report["tiers"]["in_order"]:
            how += "; and a rank for each symbol"
    made = [
        ("codes", how),
        ("code_embeddings", f"{D} x {K} x {report['code_dim']}, float32"),
        ("composition", f"{report['composition']}, float32"),
    ]
    if not sizes["composition"]:
        made.pop()  # sums and concatenated slices have no weights
    return [(k.replace("_", " "), how, sizes[k]) for k, how in made]


def format_tiers(report: dict[str, Any]) -> str:
    """Formats the numbers of positions of the tiers.

    Args:
        report: Dictionary. Contents of `report.json`.

    Example:

    >>> tiers = {"D": [32, 16, 0], "ends": [2000, 9000]}
    >>> format_tiers({"N": 10_000, "tiers": tiers})
    '32 for 2,000 symbols, 16 for 7,000, 0 for 1,000'
    """
    tiers = Tiers(tuple(report["tiers"]["D"]), tuple(report["tiers"]["ends"]))
    first, *others = [
        f"{D} for {rows.stop - rows.start:,}"
        for rows, D in tiers.parts(report["N"])
    ]
    return ", ".join([f"{first} symbols", *others])


def size_statement(report: dict[str, Any]) -> str:
    """Compares the size with that of a table in the precision of the file.

    Args:
        report: Dictionary. Contents of `report.json`.

    Returns:
        A str, empty if the file is text or float32.
    """
    sizes = report["bytes"]
    if sizes["stored_as"] in ("text", "float32"):
        return ""
    stored = format_bytes(sizes["stored_table"])
    ratio = format_ratio(sizes["stored_ratio"])
    return f"compared with {stored} in the file's {sizes['stored_as']}: {ratio}"


def code_statement(report: dict[str, Any]) -> str:
    """Summarises the codes in a few sentences.

    Args:
        report: Dictionary. Contents of `report.json`.

    Returns:
        A str.
    """
    codes, N, K, D = (report[key] for key in ("codes", "N", "K", "D"))
    perplexity = sum(codes["perplexity"]) / D
    unused = codes["unused_total"]
    alone = "no two symbols share a code"
    if codes["collisions"]:
        alone = f"{codes['collisions']:,} symbols share their code with another"
    said = (
        f"{codes['distinct']:,} different codes for {N:,} symbols: {alone}. "
        f"{unused or 'None'} of the {D * K:,} values "
        f"{'is' if unused == 1 else 'are'} unused; the mean perplexity of a "
        f"position is {perplexity:.1f} out of at most {K}."
    )
    if "tiers" in report:
        said += (
            " All this counts the value 0 at the positions that symbols of "
            "lower tiers do not have."
        )
    if codes["hamming_mean"] is not None:
        sample = format_sample(codes.get("hamming_rows", N), N)
        said += (
            " The nearest other code differs in "
            f"{codes['hamming_mean']:.1f} of {D} positions on average"
            f"{', ' * bool(sample)}{sample}."
        )
    return said


def litert_statement(report: dict[str, Any]) -> str:
    """Describes `embedding.tflite` by its size and error.

    Args:
        report: Dictionary. Contents of `report.json`.

    Returns:
        A str, empty if there is no such file.
    """
    if "litert" not in report:
        return ""
    litert = report["litert"]
    parts = ", ".join(
        f"{role} {format_bytes(count)}"
        for role, count in litert["bytes"].items()
        if count
    )
    share = format_share(litert["error"]["error_share"])
    return (
        f"{format_bytes(sum(litert['bytes'].values()))} in "
        f"{litert['precision']}, error {share} of the variance: {parts}"
    )
