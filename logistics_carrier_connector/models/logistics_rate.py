# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
import logging
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

from odoo import api, fields, models

from odoo.addons.logistics_canonical.core import redaction
from odoo.addons.logistics_canonical.core.adapter import Response
from odoo.addons.logistics_canonical.core.calls import CallError
from odoo.addons.logistics_canonical.transport import TransportError, send

from ..core.rates import cache_key
from ..core.shipping import Quote, from_payload, to_payload

_logger = logging.getLogger(__name__)

#: How long a price is taken as still valid.
FRESH = timedelta(minutes=15)
KEPT = timedelta(days=30)


class LogisticsRate(models.Model):
    """What a carrier answered when it was asked for prices.

    A price is asked while somebody waits for it and changes nothing at the carrier,
    so it is no message of the outbox: it has a deadline and a cache instead.
    """

    _name = "logistics.rate"
    _description = "Carrier Rate"
    _order = "id desc"

    # The newest answer to a question.
    _key_idx = models.Index("(key, id)")

    connector_id = fields.Many2one(
        "logistics.connector", required=True, readonly=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        related="connector_id.company_id", store=True, precompute=True
    )
    order_id = fields.Many2one(
        "sale.order", readonly=True, index="btree_not_null", ondelete="cascade"
    )
    key = fields.Char(required=True, readonly=True)
    ship_on = fields.Date(readonly=True, help="The day the price was asked for.")
    asked_at = fields.Datetime(
        required=True, readonly=True, help="When the carrier said so."
    )
    quotes_json = fields.Text(readonly=True)

    @api.model
    def _ask(self, requests, order, seconds):
        """Ask for prices, all at once, for so long.

        :param requests: list of (connector, payload)
        :param order: the ``sale.order`` it is for
        :param float seconds: after which the answer is no longer waited for
        :return: list of (quotes or None, error text), in the same order
        """
        # The cache and the connectors are closed to people who sell.
        rates = self.sudo()
        results, calls = [None] * len(requests), {}
        for place, (connector, payload) in enumerate(requests):
            cached = rates._cached(
                connector, payload, FRESH, [("ship_on", "=", payload.get("ship_on"))]
            )
            if cached:
                results[place] = (cached._quotes(), "")
                cached._note_order(order)
                continue
            why = rates._why_not(connector)
            if why:
                results[place] = (None, why)
                continue
            try:
                calls[place] = connector._prepare_call("rate", payload)
            except CallError as error:
                results[place] = (None, str(error))
        for place, answer in _send_all(calls, seconds).items():
            connector, payload = requests[place]
            results[place] = rates._read(connector, payload, calls[place], answer)
            if results[place][0]:
                rates.create(
                    {
                        "connector_id": connector.id,
                        "order_id": order.id or order._origin.id,
                        "key": cache_key(connector.id, payload),
                        "ship_on": payload.get("ship_on"),
                        "asked_at": fields.Datetime.now(),
                        "quotes_json": json.dumps(to_payload(results[place][0])),
                    }
                )
        return results

    @api.model
    def _why_not(self, connector):
        """Return why a connector isn't asked at all, empty if it is."""
        if "rate" not in connector._compiled_profile().operations:
            return self.env._("%s tells no prices", connector.name)
        if connector.is_auth_failed:
            return self.env._("%s refused our credentials", connector.name)
        if connector.breaker_state != "closed":
            return self.env._("%s does not answer", connector.name)
        return ""

    @api.model
    def _read(self, connector, payload, call, answer):
        if answer is None:
            return None, self.env._("%s did not answer in time", connector.name)
        if not isinstance(answer, Response):
            return None, redaction.redact_text(str(answer), call.secrets)
        try:
            result = connector._get_adapter().parse_response(
                "rate", answer, connector._compiled_profile(), payload
            )
        except Exception:
            # One carrier's answer must not take the others' prices away.
            _logger.exception("The prices of %s can't be read", connector.name)
            return None, self.env._("The answer of %s can't be read", connector.name)
        if result.ok:
            return tuple(result.data.get("value") or ()), ""
        text = "; ".join(problem.text for problem in result.parsed.problems)
        text = redaction.redact_text(text or f"HTTP {answer.status}", call.secrets)
        return None, f"{connector.name}: {text}"

    @api.model
    def _cached(self, connector, payload, age, domain=()):
        """Return the newest answer to a question that isn't older than ``age``.

        :param domain: what else the answer must be like
        """
        return self.search(
            [
                ("key", "=", cache_key(connector.id, payload)),
                ("asked_at", ">", fields.Datetime.now() - age),
                *domain,
            ],
            limit=1,
        )

    def _note_order(self, order):
        """Keep with the order what it was quoted, also from the cache."""
        order = order._origin
        if order and self.order_id != order:
            self.copy({"order_id": order.id})

    @api.model
    def _last(self, connector, payload, service):
        """Return the last known price of a service for the same parcel, any day.

        :return: (:class:`Quote`, when) or None
        """
        # As in _ask.
        last = self.sudo()._cached(connector, payload, KEPT)
        for quote in last._quotes() if last else ():
            if not service or quote.service == service:
                return quote, last.asked_at
        return None

    def _quotes(self):
        """Return the quotes of an answer."""
        self.ensure_one()
        return tuple(
            from_payload(Quote, quote) for quote in json.loads(self.quotes_json)
        )

    @api.autovacuum
    def _gc_rates(self):
        batch = 5000
        old = self.search(
            [("asked_at", "<", fields.Datetime.now() - KEPT)], limit=batch
        )
        old.unlink()
        return len(old), batch if len(old) == batch else 0


def _send_all(calls, seconds):
    """Send calls at once and return what came in time.

    :param calls: place to :class:`~..transport.Call`
    :return: place to :class:`Response`, :class:`TransportError`, or None
    """
    if not calls:
        return {}
    pool = ThreadPoolExecutor(len(calls), thread_name_prefix="logistics-rate")
    futures = {pool.submit(_send, call): place for place, call in calls.items()}
    done, late = wait(futures, seconds)
    # Nobody waits for the rest; it changes nothing at the carrier.
    pool.shutdown(wait=False, cancel_futures=True)
    return {
        **{futures[future]: None for future in late},
        **{futures[future]: future.result() for future in done},
    }


def _send(call):
    try:
        return send(call)
    except TransportError as error:
        return error
    except Exception as error:
        _logger.exception("A rate could not be asked for")
        return TransportError(str(error))
