"""status.json of cloud-init 25.1.4 on Debian 13, as it was found in guests."""

from __future__ import annotations

FINISHED = """\
{
 "v1": {
  "datasource": "DataSourceNoCloud [seed=/var/lib/cloud/seed/nocloud]",
  "init": {"errors": [], "finished": 34.71, "recoverable_errors": {}, "start": 32.06},
  "init-local": {"errors": [], "finished": 28.51, "recoverable_errors": {}, "start": 22.2},
  "modules-config": {"errors": [], "finished": 41.33, "recoverable_errors": {}, "start": 35.81},
  "modules-final": {"errors": [], "finished": 47.66, "recoverable_errors": {}, "start": 42.7},
  "stage": null
 }
}
"""

IN_MODULES_CONFIG = """\
{
 "v1": {
  "datasource": "DataSourceNoCloud [seed=/var/lib/cloud/seed/nocloud]",
  "init": {"errors": [], "finished": 34.71, "recoverable_errors": {}, "start": 32.06},
  "init-local": {"errors": [], "finished": 28.51, "recoverable_errors": {}, "start": 22.2},
  "modules-config": {"errors": [], "finished": null, "recoverable_errors": {}, "start": 35.81},
  "modules-final": {"errors": [], "finished": null, "recoverable_errors": {}, "start": null},
  "stage": "modules-config"
 }
}
"""

_WARNING = (
    "cloud-config failed schema validation! You may run 'sudo cloud-init schema --system' to check "
    "the details."
)

RECOVERED = f"""\
{{
 "v1": {{
  "datasource": "DataSourceNoCloud [seed=/var/lib/cloud/seed/nocloud]",
  "init": {{"errors": [], "finished": 62.3, "start": 59.41,
   "recoverable_errors": {{"WARNING": ["{_WARNING}"]}}}},
  "init-local": {{"errors": [], "finished": 51.94, "recoverable_errors": {{}}, "start": 42.03}},
  "modules-config": {{"errors": [], "finished": 70.62, "recoverable_errors": {{}}, "start": 64.7}},
  "modules-final": {{"errors": [], "finished": 73.29, "recoverable_errors": {{}}, "start": 71.45}},
  "stage": null
 }}
}}
"""

BROKEN = RECOVERED.replace(
    '"modules-final": {"errors": []',
    '"modules-final": {"errors": ["(\'scripts-user\', RuntimeError(\'Runparts: 1 failures (runcmd) '
    "in 1 attempted commands'))\"]",
)
