"""TLS between an engine, its scheduler and its workers: a scheduler runs what it is sent, so only its own may send.

Dask's parties show each other certificates of one authority. What they are given are paths: a key that stands on a
command line can be read there by every user of the machine.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from distributed.security import Security

from mtbkd_core.common.progress import UserError

#: The environment's names for the files below.
VARIABLES = ("MTBKD_TLS_CA", "MTBKD_TLS_CERT", "MTBKD_TLS_KEY")


@dataclass(frozen=True)
class TlsFiles:
    """Three files in PEM format: the authority's certificate, one's own, and its key."""

    ca: Path
    cert: Path
    key: Path

    def options(self) -> dict[str, str | bool]:
        """What `Security` is made of, for every part; paths alone."""
        own = {f"tls_{part}_cert": str(self.cert) for part in ("client", "scheduler", "worker")}
        keys = {f"tls_{part}_key": str(self.key) for part in ("client", "scheduler", "worker")}
        return {"require_encryption": True, "tls_ca_file": str(self.ca), **own, **keys}

    def security(self) -> Security:
        """As Dask takes it."""
        return Security(**self.options())


def make_files(folder: Path) -> TlsFiles:
    """A certificate for one engine or cluster, valid for a year, with a key that its user alone can read.

    Files that are there already stay.

    Raises:
        OSError: they cannot be written.
    """
    files = TlsFiles(folder / "tls.crt", folder / "tls.crt", folder / "tls.key")
    if files.key.exists():
        return files
    made = Security.temporary()
    for path, text in ((files.cert, made.tls_client_cert), (files.key, made.tls_client_key)):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    return files


def given_files(address: str, environment: Mapping[str, str]) -> TlsFiles | None:
    """The files that the environment names for a scheduler at an address; none for one that is reached without TLS.

    Raises:
        UserError: some are not named or not there, or an address without TLS is given beside them.
    """
    named = {name: environment.get(name, "").strip() for name in VARIABLES}
    if not address.startswith("tls://"):
        if any(named.values()):
            found = next(name for name in VARIABLES if named[name])
            raise UserError(f"MTBKD_SCHEDULER: got {address[:100]!r}, but {found} is set: it has to begin with tls://")
        return None
    for name, path in named.items():
        if not path:
            raise UserError(f"{name}: not set; {address[:100]} needs the paths of PEM files in {', '.join(VARIABLES)}")
        if not os.access(path, os.R_OK):
            raise UserError(f"{name}: {path[:100]!r} is not there, or cannot be read")
    return TlsFiles(*(Path(named[name]).resolve() for name in VARIABLES))


if __name__ == "__main__":  # python -m mtbkd_core.runs.tls FOLDER: makes the files that a cluster of one's own shares
    make_files(Path(sys.argv[1]))
