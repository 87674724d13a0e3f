"""SBOMs by themselves: what is in one, what differs between two, whether one is valid, one in CycloneDX.

inventory.py    the components of any SBOM or report, their licences, what differs
cyclonedx.py    writing CycloneDX with the specification's own Python library (extra `sbom`)
validation.py   the published schemas of CycloneDX and SPDX (extra `sbom`)
"""
