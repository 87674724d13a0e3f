"""CSAF 2.0 and 2.1: what a vendor says of vulnerabilities in its products. Evidence of nothing.

Each product of each status is a statement: it joins the finding that it speaks of (gate/statements.py), is a
finding where nobody else saw the flaw, and hides nothing unless the settings trust VEX. Products are resolved through the tree, a component of another product through its relationship;
one that the tree does not know is rejected. Severity: the score for the product, else the impact that the
vendor names. What is merely recommended is no statement. Not read: notes, remediations, revisions.

Source: OASIS CSAF 2.0, sections 3.2.2 to 3.2.3; FORMATS.md 2.30.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec
from msgspec import Raw, field

from gate import times
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import (
    Cvss,
    Location,
    Observation,
    Rejected,
    Scan,
    Severity,
    Statement,
    Status,
    Vex,
    from_cvss,
)
from scanners import cvss_scores, flaws
from scanners.identifiers import purl_version, sha256_digest

_EXPECTED: Final = "a CSAF document"
_STATUSES: Final = {
    "first_affected": "affected",
    "first_fixed": "fixed",
    "fixed": "fixed",
    "known_affected": "affected",
    "known_not_affected": "not_affected",
    "last_affected": "affected",
    "under_investigation": "under_investigation",
}
_IMPACTS: Final = {"important": Severity.HIGH, "moderate": Severity.MEDIUM}
_DISTRIBUTED: Final = ("pkg:apk/", "pkg:deb/", "pkg:rpm/")
_DEPTH: Final = 50
"""Levels of branches; the documents of vendors have about five."""


class _Helper(msgspec.Struct):
    purl: str | None = None
    purls: list[str] | None = None

    @property
    def url(self) -> str | None:
        """Its purl; 2.1 has a list of them."""
        return self.purl or next(iter(self.purls or ()), None)


class _Product(msgspec.Struct):
    product_id: str
    name: str
    helper: _Helper | None = field(name="product_identification_helper", default=None)


class _Branch(msgspec.Struct):
    branches: list[_Branch] | None = None
    product: _Product | None = None


class _Relationship(msgspec.Struct):
    full_product_name: _Product
    product_reference: str
    relates_to_product_reference: str


class _Group(msgspec.Struct):
    group_id: str
    product_ids: list[str] = []


class _Tree(msgspec.Struct):
    branches: list[_Branch] | None = None
    full_product_names: list[_Product] | None = None
    relationships: list[_Relationship] | None = None
    product_groups: list[_Group] | None = None


class _Cvss(msgspec.Struct, rename="camel"):
    version: str = ""
    vector_string: str = ""
    base_score: float | None = None


class _Score(msgspec.Struct):
    products: list[str]
    cvss_v2: _Cvss | None = None
    cvss_v3: _Cvss | None = None
    cvss_v4: _Cvss | None = None


class _OfProducts(msgspec.Struct, kw_only=True):
    product_ids: list[str] | None = None
    group_ids: list[str] | None = None

    def is_of(self, id_: str, groups: Mapping[str, list[str]]) -> bool:
        """Whether it is said of the product: of all of them where neither products nor groups are named."""
        if self.product_ids is None and self.group_ids is None:
            return True
        return id_ in (self.product_ids or ()) or any(
            id_ in groups.get(group, ()) for group in self.group_ids or ()
        )


class _Threat(_OfProducts, kw_only=True):
    category: str
    details: str = ""


class _Flag(_OfProducts, kw_only=True):
    label: str


class _Cwe(msgspec.Struct):
    id: str = ""


class _Id(msgspec.Struct):
    text: str


class _Content(msgspec.Struct):
    cvss_v2: _Cvss | None = None
    cvss_v3: _Cvss | None = None
    cvss_v4: _Cvss | None = None


class _Metric(msgspec.Struct):
    """A score of 2.1."""

    products: list[str]
    content: _Content = field(default_factory=_Content)


class _Vulnerability(msgspec.Struct):
    cve: str | None = None
    ids: list[_Id] | None = None
    title: str | None = None
    cwe: _Cwe | None = None
    cwes: list[_Cwe] | None = None
    product_status: dict[str, list[str]] | None = None
    scores: list[_Score] | None = None
    metrics: list[_Metric] | None = None
    threats: list[_Threat] | None = None
    flags: list[_Flag] | None = None


class _Tracking(msgspec.Struct):
    id: str
    status: str = ""
    current_release_date: str | None = None


class _Head(msgspec.Struct):
    csaf_version: str
    tracking: _Tracking


class _Document(msgspec.Struct):
    document: _Head
    product_tree: _Tree | None = None
    vulnerabilities: list[Raw] | None = None


class _Named(NamedTuple):
    """A product with what tells it apart."""

    name: str
    purl: str | None
    within: str | None
    """The product that it is a component of."""
    within_purl: str | None = None

    @property
    def statement(self) -> Statement:
        """What a status of this product is limited to.

        A package of a distribution is the same wherever it is installed, and its version says whose it is.
        """
        image = _image(self.purl) or _image(self.within_purl)
        is_built_once = (self.purl or "").startswith(_DISTRIBUTED) and purl_version(self.purl or "")
        return Statement(image=image, within=None if image or is_built_once else self.within)


def detect(document: Document) -> str | None:
    """Why `document` is CSAF, or None."""
    version = document.at("document", "csaf_version")
    return f"document.csaf_version is {version}" if isinstance(version, str) else None


def parse(document: Document) -> Scan:
    """One observation for each vulnerability, product and status.

    Raises `ReportError` where the head of the document is absent or no vulnerability is understood.
    """
    csaf = document.decoded(_Document, _EXPECTED)
    rows = document.each(csaf.vulnerabilities, _Vulnerability, "$.vulnerabilities", _EXPECTED)
    tree = csaf.product_tree or _Tree()
    products = _products(tree)
    groups = {group.group_id: group.product_ids for group in tree.product_groups or ()}
    observations: list[Observation] = []
    rejected = [*rows.rejected]
    for number, row in enumerate(rows.good):
        for word, ids in (row.product_status or {}).items():
            for id_ in ids if word in _STATUSES else ():
                if id_ in products:
                    observations.append(_observation(row, word, id_, products[id_], groups))
                else:
                    where = f"$.vulnerabilities[{number}].product_status.{word}"
                    rejected.append(Rejected(where=where, reason=f"the tree has no product {quoted(id_)}"))
    tracking = csaf.document.tracking
    notes = [] if rows.good else ["the document names no vulnerability"]
    if tracking.status not in ("final", ""):
        notes.append(f"the document is {quoted(tracking.status)}, not final")
    return Scan(
        format="csaf",
        scanner="csaf",
        status=Status.OK if rows.good else Status.EMPTY_TARGET,
        created=times.normalized(tracking.current_release_date),
        kinds=(),
        observations=tuple(observations),
        rejected=tuple(rejected),
        notes=tuple(notes),
    )


def _products(tree: _Tree) -> Mapping[str, _Named]:
    """Products by their ids."""
    plain = [*(tree.full_product_names or ()), *_branched(tree.branches)]
    found = {one.product_id: _Named(one.name, one.helper.url if one.helper else None, None) for one in plain}
    for link in tree.relationships or ():
        part = found.get(link.product_reference)
        whole = found.get(link.relates_to_product_reference)
        own = link.full_product_name
        found[own.product_id] = _Named(
            own.name,
            (own.helper.url if own.helper else None) or (part.purl if part else None),
            whole.name if whole else link.relates_to_product_reference,
            whole.purl if whole else None,
        )
    return found


def _branched(branches: list[_Branch] | None, depth: int = _DEPTH) -> Iterator[_Product]:
    for branch in branches or () if depth else ():
        if branch.product:
            yield branch.product
        yield from _branched(branch.branches, depth - 1)


def _image(purl: str | None) -> str | None:
    """The digest of the image that `purl` names, where it is one."""
    return sha256_digest(purl_version(purl)) if purl and purl.startswith("pkg:oci/") else None


def _observation(
    row: _Vulnerability, word: str, id_: str, product: _Named, groups: Mapping[str, list[str]]
) -> Observation:
    names = [one.text for one in row.ids or ()]
    rule = row.cve or next(iter(names), "unnamed")
    cvss = [score for score in _scores(row, id_) if score]
    known = [from_cvss(score.score) for score in reversed(cvss) if score.score is not None]
    impact = _impact(row, id_, groups)
    flag = _justification(row, id_, groups)
    reason = flag or ("impact_statement" if impact and word == "known_not_affected" else None)
    seen = flaws.observed(
        flaws.Flaw(
            id=rule,
            package=product.name,
            purl=None if _image(product.purl) else product.purl,
            title=row.title or f"{rule}: {_STATUSES[word].replace('_', ' ')}, says its vendor",
            severity=known[0] if known else flaws.worded(impact, _IMPACTS),
            word=str(cvss[-1].score) if known else impact,
            names=names,
            cwes=[one.id for one in (*(row.cwes or ()), *([row.cwe] if row.cwe else ()))],
            cvss=cvss,
            vex=Vex(status=_STATUSES[word], justification=reason),
            location=Location(resource=product.within, image=product.statement.image),
        ),
        "csaf",
    )
    return msgspec.structs.replace(seen, statement=product.statement)


def _scores(row: _Vulnerability, id_: str) -> Iterator[Cvss | None]:
    """Scores for the product, older versions of CVSS first."""
    given: list[_Score | _Content] = [one for one in row.scores or () if id_ in one.products]
    given += [one.content for one in row.metrics or () if id_ in one.products]
    for version, some in (
        ("2.0", [one.cvss_v2 for one in given]),
        ("3.1", [one.cvss_v3 for one in given]),
        ("4.0", [one.cvss_v4 for one in given]),
    ):
        for score in filter(None, some):
            yield cvss_scores.rating(
                version=score.version or version, vector=score.vector_string, score=score.base_score
            )


def _impact(row: _Vulnerability, id_: str, groups: Mapping[str, list[str]]) -> str | None:
    """The impact that the vendor names for the product, or for all of them."""
    words = [
        threat.details.strip()
        for threat in row.threats or ()
        if threat.category == "impact" and threat.is_of(id_, groups)
    ]
    return next(iter(words), None)


def _justification(row: _Vulnerability, id_: str, groups: Mapping[str, list[str]]) -> str | None:
    """A flag of CSAF is a justification of VEX, word for word."""
    labels = [flag.label for flag in row.flags or () if flag.is_of(id_, groups)]
    return next(iter(labels), None)
