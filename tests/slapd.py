"""A directory for tests: Debian's slapd with a few people, in a directory of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SLAPD = shutil.which("slapd") or shutil.which("slapd", path="/usr/sbin")
READER, READER_PASSWORD = "cn=reader,dc=example,dc=org", "may look"
WITHIN_S = 30.0

CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {directory}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
maxsize 10485760
suffix "dc=example,dc=org"
rootdn "{reader}"
rootpw "{password}"
directory {directory}
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""

ENTRIES = """
dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups

dn: uid=marta,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: marta
cn: Marta Ruiz
givenName: Marta
sn: Ruiz
mail: marta@example.org
userPassword: four words of hers

dn: cn=staff,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: staff
member: uid=marta,ou=people,dc=example,dc=org
"""


@contextmanager
def directory(where: Path) -> Iterator[str]:
    """Its address."""
    assert SLAPD is not None
    data = where / "directory"
    data.mkdir()
    config, entries = where / "slapd.conf", where / "entries.ldif"
    config.write_text(CONFIG.format(directory=data, reader=READER, password=READER_PASSWORD))
    entries.write_text(ENTRIES)
    add = str(Path(SLAPD).with_name("slapadd"))
    subprocess.run([add, "-f", str(config), "-l", str(entries)], check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"ldap://127.0.0.1:{port}"
    with open(os.devnull, "wb") as nowhere:
        process = subprocess.Popen(
            [SLAPD, "-h", url, "-f", str(config), "-d", "0"], stdout=nowhere, stderr=nowhere
        )
    try:
        _wait(port, process)
        yield url
    finally:
        process.terminate()
        process.wait(WITHIN_S)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)
