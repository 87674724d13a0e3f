"""Answers pip-audit from a folder of advisories, for machines that reach no advisory service.

    python advisories.py FOLDER COMMAND…    run COMMAND, {url} in it replaced by this service's address

FOLDER is a copy of the PyPA advisory database (`vulns/<package>/PYSEC-*.yaml`). The service speaks the
one call of the OSV API that pip-audit makes, on the loopback interface, for as long as COMMAND runs.
It does not know more than the copy: what was published later is not found.
"""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml


def advisories(folder, package, version):
    """Every advisory that names this version of the package as affected."""
    records = [yaml.safe_load(path.read_text("utf-8")) for path in folder.glob(f"vulns/{package}/*.yaml")]
    return [
        record
        for record in records
        if any(version in affected.get("versions", ()) for affected in record["affected"])
    ]


class Service(BaseHTTPRequestHandler):
    """POST {"package": {"name"}, "version"} -> {"vulns": [advisory]}."""

    def do_POST(self):  # noqa: N802 - the name that http.server calls
        """One query."""
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = advisories(Path(sys.argv[1]), query["package"]["name"], query["version"])
        body = json.dumps({"vulns": found}, default=str).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing: the report says what was found."""


if __name__ == "__main__":
    if not any(Path(sys.argv[1]).glob("vulns/*/PYSEC-*.yaml")):
        sys.exit(f"{sys.argv[1]}: no vulns/*/PYSEC-*.yaml; expected a copy of the PyPA advisory database")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1/query"
    sys.exit(subprocess.run([part.replace("{url}", url) for part in sys.argv[2:]]).returncode)
