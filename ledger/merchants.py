"""Merchant: who is paid through us, on which terms, with which keys and webhook endpoints."""

from __future__ import annotations

import hmac

import msgspec

from ledger.aggregate import Aggregate, Envelope, Event, follows
from ledger.context import Context
from ledger.errors import ApiKeyInvalid, InvalidField
from ledger.money import Money
from ledger.privacy import Sealed

KEY_ROLES = ("owner", "requester", "approver", "reader")
"""What a merchant's API key may do: everything but approving its own; ask; approve; read."""
FEE_BPS_MAX = 1_000
ENDPOINTS_MAX = 5
API_KEYS_MAX = 50


class ApiKey(msgspec.Struct, frozen=True):
    """A merchant's API key: the key itself is never kept, only its SHA-256 digest (hex)."""

    key_id: str
    label: str
    role: str
    digest: str


class WebhookEndpoint(msgspec.Struct, frozen=True):
    """Where a merchant is told: the address and the sealed signing secret."""

    endpoint_id: str
    url: str
    secret: Sealed


class Merchant(Aggregate):
    """Terms, keys and endpoints of one merchant."""

    name: str
    bank_account_id: str
    fee_bps: int
    payout_fee: Money
    approvals_needed: int
    api_keys: dict[str, ApiKey]
    made_by: dict[str, str]
    endpoints: dict[str, WebhookEndpoint]

    class Registered(Event):
        """A merchant with its terms. `bank_account_id`: our account it is paid to and out of."""

        name: str
        bank_account_id: str
        fee_bps: int
        payout_fee: Money
        approvals_needed: int

    class ApiKeyAdded(Event):
        """A new API key is good from now on."""

        key: ApiKey

    class ApiKeyRevoked(Event):
        """The API key is good no more."""

        key_id: str

    class WebhookEndpointAdded(Event):
        """Public events are told to this address from now on."""

        endpoint: WebhookEndpoint

    class WebhookEndpointRemoved(Event):
        """Nothing is told to this address any more."""

        endpoint_id: str

    @classmethod
    def register(
        cls,
        context: Context,
        *,
        merchant_id: str,
        name: str,
        bank_account_id: str,
        fee_bps: int,
        payout_fee: Money,
        approvals_needed: int = 1,
    ) -> Merchant:
        """A new merchant. Raises InvalidField for terms outside their bounds."""
        if not 0 <= fee_bps <= FEE_BPS_MAX:
            raise InvalidField(f"A fee lies between 0 and {FEE_BPS_MAX} ten-thousandths.", field="fee_bps")
        if payout_fee.units < 0:
            raise InvalidField("A payout fee is not negative.", field="payout_fee")
        if approvals_needed not in (0, 1):
            raise InvalidField("A payout needs 0 approvals or 1.", field="approvals_needed")
        if not name.strip():
            raise InvalidField("A merchant has a name.", field="name")
        merchant = cls(merchant_id)
        event = cls.Registered(
            name=name,
            bank_account_id=bank_account_id,
            fee_bps=fee_bps,
            payout_fee=payout_fee,
            approvals_needed=approvals_needed,
        )
        merchant.trigger_event(event, context)
        return merchant

    def add_api_key(self, context: Context, *, key: ApiKey) -> None:
        """A new key. Raises InvalidField for an unknown role, a key id in use, or more than API_KEYS_MAX keys."""
        if key.role not in KEY_ROLES:
            raise InvalidField(f"A key is one of: {', '.join(KEY_ROLES)}.", field="role")
        if key.key_id in self.api_keys or len(self.api_keys) >= API_KEYS_MAX:
            raise InvalidField(f"A merchant has at most {API_KEYS_MAX} different keys.", field="key_id")
        self.trigger_event(self.ApiKeyAdded(key=key), context)

    def revoke_api_key(self, context: Context, *, key_id: str) -> None:
        """The key is good no more. Raises InvalidField when there is no such key."""
        if key_id not in self.api_keys:
            raise InvalidField("There is no such key.", field="key_id")
        self.trigger_event(self.ApiKeyRevoked(key_id=key_id), context)

    def add_webhook_endpoint(self, context: Context, *, endpoint: WebhookEndpoint) -> None:
        """A new endpoint. Raises InvalidField above ENDPOINTS_MAX."""
        if len(self.endpoints) >= ENDPOINTS_MAX:
            raise InvalidField(f"A merchant has at most {ENDPOINTS_MAX} webhook endpoints.", field="url")
        self.trigger_event(self.WebhookEndpointAdded(endpoint=endpoint), context)

    def remove_webhook_endpoint(self, context: Context, *, endpoint_id: str) -> None:
        """The endpoint is told nothing more. Raises InvalidField when there is none of this id."""
        if endpoint_id not in self.endpoints:
            raise InvalidField("There is no such webhook endpoint.", field="endpoint_id")
        self.trigger_event(self.WebhookEndpointRemoved(endpoint_id=endpoint_id), context)

    def key_by_digest(self, digest: str) -> ApiKey:
        """The key with this digest, compared in constant time. Raises ApiKeyInvalid when none fits."""
        found = [key for key in self.api_keys.values() if hmac.compare_digest(key.digest, digest)]
        if not found:
            raise ApiKeyInvalid("Send a valid key as: Authorization: Bearer sk_…")
        return found[0]

    def is_same_person(self, actor: str, other: str) -> bool:
        """Whether two actors may be one person: the same key, or keys of which one was made with the other.

        Whoever makes a key has seen its secret. Only keys that an operator made are in different hands.
        """
        return not self._hands(actor).isdisjoint(self._hands(other))

    def _hands(self, actor: str) -> set[str]:
        own = f"merchant:{self.id}/key:"
        hands = {actor}
        while actor.startswith(own):
            actor = self.made_by.get(actor.removeprefix(own), "")
            if actor.startswith(own):
                hands.add(actor)
        return hands

    @follows(Registered)
    def _registered(self, event: Registered, envelope: Envelope) -> None:
        self.name = event.name
        self.bank_account_id = event.bank_account_id
        self.fee_bps = event.fee_bps
        self.payout_fee = event.payout_fee
        self.approvals_needed = event.approvals_needed
        self.api_keys = {}
        self.made_by = {}
        self.endpoints = {}

    @follows(ApiKeyAdded)
    def _api_key_added(self, event: ApiKeyAdded, envelope: Envelope) -> None:
        self.api_keys[event.key.key_id] = event.key
        self.made_by[event.key.key_id] = envelope.actor

    @follows(ApiKeyRevoked)
    def _api_key_revoked(self, event: ApiKeyRevoked, envelope: Envelope) -> None:
        del self.api_keys[event.key_id]

    @follows(WebhookEndpointAdded)
    def _webhook_endpoint_added(self, event: WebhookEndpointAdded, envelope: Envelope) -> None:
        self.endpoints[event.endpoint.endpoint_id] = event.endpoint

    @follows(WebhookEndpointRemoved)
    def _webhook_endpoint_removed(self, event: WebhookEndpointRemoved, envelope: Envelope) -> None:
        del self.endpoints[event.endpoint_id]
