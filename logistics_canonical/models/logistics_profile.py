# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import hashlib
import json

from odoo import api, fields, models, tools
from odoo.exceptions import UserError, ValidationError
from odoo.modules import Manifest

from ..core.profile import ProfileError, load_profile


class LogisticsProfile(models.Model):
    """One version of the description of a partner's protocol.

    Packaged profiles come from the ``profiles/*.json`` files of the installed
    addons. A profile that a connector has used never changes: what a stored
    message meant must stay reproducible. To change one, copy it.
    """

    _name = "logistics.profile"
    _description = "Logistics Partner Profile"
    _order = "key, version desc"

    _key_version_uniq = models.Constraint(
        "UNIQUE(key, version)", "This version of the profile exists already."
    )

    name = fields.Char(required=True)
    key = fields.Char(required=True, index=True, help="Technical name of the partner.")
    version = fields.Integer(required=True, default=1)
    active = fields.Boolean(default=True)
    module = fields.Char(
        readonly=True, help="The addon it came with; empty for your own copies."
    )
    digest = fields.Char(readonly=True)
    data_json = fields.Text(
        string="Description", required=True, help="The profile, in JSON."
    )
    connector_ids = fields.One2many("logistics.connector", "profile_id")
    connector_count = fields.Integer(compute="_compute_connector_count")
    is_used = fields.Boolean(compute="_compute_connector_count")
    code_map_ids = fields.One2many(
        "logistics.code.map", "profile_id", domain=[("connector_id", "=", False)]
    )

    @api.depends("name", "version")
    def _compute_display_name(self):
        for profile in self:
            profile.display_name = f"{profile.name} v{profile.version}"

    @api.depends("connector_ids")
    def _compute_connector_count(self):
        # Used by a connector of any company counts: the profile is shared.
        counts = dict(
            self.env["logistics.connector"]
            .sudo()
            .with_context(active_test=False)
            ._read_group([("profile_id", "in", self.ids)], ["profile_id"], ["__count"])
        )
        for profile in self:
            profile.connector_count = counts.get(profile, 0)
            profile.is_used = bool(profile.connector_count)

    @api.constrains("data_json", "key")
    def _check_data_json(self):
        for profile in self:
            profile._load()

    @api.model_create_multi
    def create(self, vals_list):
        profiles = super().create(vals_list)
        profiles._sync_code_maps()
        return profiles

    def write(self, vals):
        if "data_json" in vals or "key" in vals or "version" in vals:
            used = self.filtered("is_used")
            if used:
                raise UserError(
                    self.env._(
                        "%(profile)s is used by a connector and can't change. Copy "
                        "it, change the copy and choose it on the connector.",
                        profile=used[0].display_name,
                    )
                )
        result = super().write(vals)
        if "data_json" in vals:
            self._sync_code_maps()
        self.env.registry.clear_cache()
        return result

    def copy_data(self, default=None):
        vals_list = super().copy_data(default=default)
        for profile, vals in zip(self, vals_list, strict=True):
            vals["version"] = profile._next_version(profile.key)
            vals["module"] = False
        return vals_list

    def action_open_connectors(self):
        """Open the connectors that pin this profile."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "logistics_canonical.logistics_connector_action"
        )
        action["domain"] = [("profile_id", "=", self.id)]
        return action

    def _load(self):
        """Return the validated :class:`~..core.profile.Profile`.

        :raise ValidationError: naming each place that is wrong
        """
        self.ensure_one()
        try:
            return load_profile(json.loads(self.data_json))
        except ProfileError as error:
            places = "\n".join(f"{place}: {text}" for place, text in error.errors)
            raise ValidationError(
                self.env._(
                    "The profile %(profile)s is not valid:\n%(places)s",
                    profile=self.name,
                    places=places,
                )
            ) from error
        except ValueError as error:
            raise ValidationError(
                self.env._(
                    "The profile %(profile)s is not JSON: %(error)s",
                    profile=self.name,
                    error=error,
                )
            ) from error

    @api.model
    def _next_version(self, key):
        newest = self.with_context(active_test=False).search(
            [("key", "=", key)], order="version desc", limit=1
        )
        return newest.version + 1

    def _newest(self):
        """Return the newest active version of this profile."""
        self.ensure_one()
        return self.search([("key", "=", self.key)], order="version desc", limit=1)

    @api.model
    def _load_packaged(self, module):
        """Take over the profiles an addon ships.

        A changed file becomes a new version; connectors stay on the version they
        pin until somebody moves them.

        :param str module: technical name of the addon
        """
        for path in sorted((_addon_path(module) / "profiles").glob("*.json")):
            text = path.read_text(encoding="utf-8")
            digest = hashlib.sha256(text.encode()).hexdigest()
            data = json.loads(text)
            family = self.with_context(active_test=False).search(
                [("key", "=", data["key"])]
            )
            if digest in family.mapped("digest"):
                continue
            vals = {
                "name": data["name"],
                "key": data["key"],
                "module": module,
                "digest": digest,
                "data_json": text,
            }
            unused = family.filtered(lambda p: p.module and not p.is_used)[:1]
            if unused:
                unused.write(vals)
            else:
                taken = family.mapped("version")
                version = data["version"]
                if version in taken:
                    version = max(taken) + 1
                self.create(dict(vals, version=version))

    def _sync_code_maps(self):
        """Show the status table of the profile as rows."""
        types = self.env["logistics.event.type"]._ids_by_code()
        code_maps = self.env["logistics.code.map"].with_context(
            logistics_from_profile=True
        )
        for profile in self:
            profile.with_context(logistics_from_profile=True).code_map_ids.unlink()
            code_maps.create(
                [
                    {
                        "profile_id": profile.id,
                        "code": code,
                        "event_type_id": types[row["event"]],
                        "reason": row.get("reason") or False,
                        "text": row.get("text", ""),
                    }
                    for code, row in profile._load().code_table.items()
                ]
            )

    @tools.ormcache("self.id")
    def _compiled(self):
        """Return the compiled profile; cached, because compiling is slow."""
        return self._load()


def _addon_path(module):
    return __import__("pathlib").Path(Manifest.for_addon(module).path)
