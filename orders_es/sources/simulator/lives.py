"""Whole lives of a block of orders, from the first item to the last refund, as arrays.

Every draw depends only on the order's number (and the line's), and every life keeps to the rules of the order domain
when its events are taken in the order in which they occurred. What is recorded late or back-dated arrives in the log
out of that order, as it does in shops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orders_es.sources.simulator.kinds import Kind, flags_of
from orders_es.sources.simulator.steps import StepList, Steps

if TYPE_CHECKING:
    from orders_es.sources.simulator.draws import Flags, Ints
    from orders_es.sources.simulator.shop import Shop
    from orders_es.sources.simulator.texts import Texts

__all__ = ["block_of_lives", "event_key"]

_LINE_BITS = 16
_KIND_BITS = 5
_SECOND = 1 << 16
_ATTEMPTS = 3
_MINOR = 100  # amounts are kept with four decimals: hundredths of the minor unit
_SECOND_MS = 1_000

_LATE = flags_of(late=True)
_BASKET = flags_of(basket=True)


def event_key(order: Ints, kind: Ints, line: Ints) -> Ints:
    """A number that belongs to one step of one order, and to no other."""
    key: Ints = (((order << _KIND_BITS) | kind) << _LINE_BITS) | line
    return key


def block_of_lives(shop: Shop, texts: Texts, order: Ints, created: Ints, customer: Ints) -> Steps:
    """All steps of these orders, in no particular order of time.

    Args:
        texts: Its words.
        order: The orders' numbers.
        created: When each is created, in milliseconds since 1970.
        customer: Who creates it.
    """
    return _Lives(shop, texts, order, created, customer).steps()


class _Lives:
    def __init__(self, shop: Shop, texts: Texts, order: Ints, created: Ints, customer: Ints) -> None:
        self.shop, self.texts, self.order, self.created, self.customer = shop, texts, order, created, customer
        self.settings, self.draws = shop.settings, shop.draws
        self.out = StepList(order)
        self.everyone = np.arange(len(order), dtype=np.int64)
        self.settled = np.zeros(len(order), dtype=np.int64)

    def steps(self) -> Steps:
        """The lives from beginning to end."""
        self._create()
        self._fill()
        self._price()
        self._place()
        self._pay()
        self._cancel()
        self._deliver()
        self._take_back()
        self._adjust()
        self._assign()
        return self._record()

    # Draws for some orders of the block; `rows` are their places in it.

    def _happens(self, purpose: str, rows: Ints, probability: float) -> Flags:
        return self.draws.share(purpose, self.order[rows], probability)

    def _delay(self, name: str, rows: Ints, *, purpose: str = "") -> Ints:
        return self.draws.delay(purpose or name, self.order[rows], self.shop.delays[name])

    def _pick(self, group: str, rows: Ints) -> Ints:
        """For each order, the number of one of the group's words, all equally likely."""
        return self.texts.first(group) + self.draws.below(group, self.order[rows], self.texts.count(group))

    def _create(self) -> None:
        draws, texts = self.draws, self.texts
        self.guest = self._happens("guest", self.everyone, self.settings.guest_share)
        channel = draws.choice("channels", self.order, self.shop.choices["channels"]) + texts.first("channels")
        # A customer lives where he lives, whatever the order.
        country = draws.choice("countries", self.customer, self.shop.choices["countries"]) + texts.first("countries")
        self.out.add(
            Kind.CREATED,
            self.everyone,
            self.created,
            amount=np.where(self.guest, -1, self.customer),
            text=channel + country * _SECOND,
        )

    def _fill(self) -> None:
        """Lines into the basket; some out again, some with another quantity."""
        settings, draws, order = self.settings, self.draws, self.order
        sizes = np.array([count for count, _ in settings.lines_per_order], dtype=np.int64)
        counts = sizes[draws.choice("lines", order, self.shop.choices["lines_per_order"])]
        self.long = np.isin(order, _long_orders(settings.long_orders, self.shop.orders))
        counts = np.where(self.long, settings.long_order_lines, counts)
        rows = np.repeat(self.everyone, counts)
        self.starts = np.cumsum(counts) - counts
        line = np.arange(len(rows), dtype=np.int64) - self.starts[rows]
        keys = (order[rows] << _LINE_BITS) | line

        fill_ms = int(settings.long_order_fill.total_seconds() * _SECOND_MS)
        widest = max(1, min(2 * fill_ms // settings.long_order_lines, 2**31 - 1))
        gap = np.where(
            self.long[rows], draws.below("gap in filling", keys, widest), 4_000 + draws.below("gap", keys, 86_000)
        )
        # Times within the basket: the running sum of the gaps, begun anew for each order.
        running = np.cumsum(gap)
        added = self.created[rows] + running - (running - gap)[self.starts[rows]]
        last = added[self.starts + counts - 1]

        item = draws.choice("item", keys, self.shop.popularity)
        amounts = np.array([quantity for quantity, _ in settings.line_quantities], dtype=np.int64)
        quantity = amounts[draws.choice("quantity", keys, self.shop.choices["line_quantities"])]
        price = self.shop.prices[item]
        cents = price * _MINOR
        self.out.add(Kind.ITEM_ADDED, rows, added, amount=cents, quantity=quantity, item=item, line=line)

        removed = draws.share("removed", keys, settings.removed_line_share) & (line > 0)
        changed = draws.share("changed", keys, settings.changed_line_share) & ~removed
        smaller = (quantity > 1) & draws.share("smaller", keys, 0.5)
        by = np.where(
            smaller, -1 - draws.below("by less", keys, np.maximum(quantity - 1, 1)), 1 + draws.below("by", keys, 3)
        )
        edited = last[rows] + 5_000 + draws.below("edit", keys, 55_000)
        for kind, chosen, pieces in (
            (Kind.ITEM_REMOVED, removed, quantity),
            (Kind.QUANTITY_CHANGED, changed, by),
        ):
            n = np.flatnonzero(chosen)
            self.out.add(kind, rows[n], edited[n], amount=cents[n], quantity=pieces[n], item=item[n], line=line[n])
        self.lines, self.line, self.line_keys, self.item, self.price = rows, line, keys, item, price
        self.pieces = np.where(removed, 0, quantity + np.where(changed, by, 0))
        self.filled = last + 60_000

    def _price(self) -> None:
        """A discount for some, shipping for most: from here on it is known what each order comes to."""
        settings, draws = self.settings, self.draws
        self.goods = np.add.reduceat(self.pieces * self.price, self.starts)
        percents = np.array([percent for percent, _ in settings.discount_percents], dtype=np.int64)
        place = draws.choice("percent", self.order, self.shop.choices["discount_percents"])
        percent = np.where(self._happens("discount", self.everyone, settings.discount_share), percents[place], 0)
        discount = self.goods * percent // 100
        self.percent = np.where(discount > 0, percent, 0)
        n = np.flatnonzero(discount > 0)
        code = place[n] + self.texts.first("discount_percents")
        self.out.add(
            Kind.DISCOUNT,
            n,
            self.filled[n] + 10_000,
            amount=discount[n] * _MINOR,
            text=code + self._pick("offer", n) * _SECOND,
        )
        charges = np.array([charge for (_, charge), _ in settings.shipping_methods], dtype=np.int64)
        method = draws.choice("shipping", self.order, self.shop.choices["shipping_methods"])
        charge = np.where(self.goods >= settings.free_shipping_from, 0, charges[method])
        n = np.flatnonzero(charge > 0)
        self.out.add(
            Kind.SHIPPING,
            n,
            self.filled[n] + 20_000,
            amount=charge[n] * _MINOR,
            text=method[n] + self.texts.first("shipping_methods"),
        )
        self.total = self.goods - discount + charge
        self.closed = self.filled + 20_000

    def _place(self) -> None:
        abandoned = self._happens("abandoned", self.everyone, self.settings.abandoned_share) & ~self.long
        n = np.flatnonzero(abandoned)
        self.out.add(
            Kind.ABANDONED,
            n,
            self.closed[n] + self._delay("abandonment_delay", n),
            text=self.texts.first("abandoned"),
        )
        hesitation = 5_000 + self.draws.below("hesitation", self.order, 240_000)
        self.placed = self.closed + np.where(abandoned, 0, hesitation)
        self.alive = np.flatnonzero(~abandoned)
        self.out.add(Kind.PLACED, self.alive, self.placed[self.alive])

    def _pay(self) -> None:
        """Attempts at paying, until one succeeds or three have failed; some pay in two parts."""
        settings, draws, n = self.settings, self.draws, self.alive
        methods = draws.choice("payment", self.order, self.shop.choices["payment_methods"])
        transfer = self._happens("transfer", self.everyone, settings.transfer_share)
        self.method = np.where(transfer, self.texts.first("transfer"), methods + self.texts.first("payment_methods"))
        # Who thinks better of it before paying makes no attempt at all.
        cancelled = self._happens("cancelled", n, settings.cancelled_share)
        unpaid = cancelled & self._happens("cancelled unpaid", n, settings.cancelled_unpaid_share)
        self.cancelled_unpaid = n[unpaid]
        cancels_paid = np.zeros(len(self.order), dtype=np.bool_)
        cancels_paid[n[cancelled & ~unpaid]] = True

        n = n[~unpaid]
        when = self.placed[n] + np.where(transfer[n], self._delay("transfer_delay", n), self._delay("payment_delay", n))
        for attempt in range(_ATTEMPTS):
            failed = self._happens(f"failure {attempt}", n, settings.payment_failure_share)
            paid = n[~failed]
            self._receive(paid, when[~failed])
            n, when = n[failed], when[failed]
            self.out.add(
                Kind.PAYMENT_FAILED,
                n,
                when,
                amount=self.total[n] * _MINOR,
                text=self.method[n] + self._pick("failure", n) * _SECOND,
                line=attempt,
            )
            when = when + self._delay("payment_retry_delay", n, purpose=f"retry {attempt}")
        self.out.add(Kind.GIVEN_UP, n, when, text=self.texts.first("given up"), line=_ATTEMPTS - 1)
        self.cancelled_paid = np.flatnonzero(cancels_paid & (self.settled > 0))

    def _receive(self, n: Ints, when: Ints) -> None:
        total = self.total[n]
        percent = 30 + self.draws.below("first part", self.order[n], 41)
        rest = total - total * percent // 100
        # An order of a few cents has no two parts.
        parts = self._happens("partial", n, self.settings.partial_payment_share) & (rest > 0) & (rest < total)
        later = when + self._delay("partial_payment_delay", n)
        method = self.method[n]
        self.out.add(Kind.PAID, n, when, amount=(total - np.where(parts, rest, 0)) * _MINOR, text=method)
        self.out.add(Kind.PAID_REST, n[parts], later[parts], amount=rest[parts] * _MINOR, text=method[parts], line=1)
        self.settled[n] = np.where(parts, later, when)

    def _cancel(self) -> None:
        n = self.cancelled_unpaid
        self.out.add(
            Kind.CANCELLED_UNPAID,
            n,
            self.placed[n] + self._delay("cancellation_delay", n),
            text=self._pick("cancelled", n),
        )
        n = self.cancelled_paid
        when = self.settled[n] + self._delay("cancellation_delay", n)
        self.out.add(Kind.CANCELLED_PAID, n, when, text=self._pick("cancelled", n))
        self._refund(Kind.REFUND_CANCELLED, n, when, self.total[n], "refund cancelled")

    def _refund(self, kind: Kind, n: Ints, after: Ints, amount: Ints, reason: str) -> None:
        self.out.add(
            kind,
            n,
            after + self._delay("refund_delay", n, purpose=reason),
            amount=amount * _MINOR,
            text=self.method[n] + self.texts.first(reason) * _SECOND,
        )

    def _deliver(self) -> None:
        going = self.settled > 0
        going[self.cancelled_paid] = False
        n = np.flatnonzero(going)
        shipped = self.settled[n] + self._delay("shipping_delay", n)
        carrier = self.draws.choice("carrier", self.order[n], self.shop.choices["carriers"])
        self.out.add(Kind.SHIPPED, n, shipped, text=carrier + self.texts.first("carriers"))
        arrives = ~self._happens("lost", n, self.settings.lost_share)
        self.arrived = n[arrives]
        self.delivered = np.zeros(len(self.order), dtype=np.int64)
        self.delivered[self.arrived] = shipped[arrives] + self._delay("delivery_delay", self.arrived)
        self.out.add(Kind.DELIVERED, self.arrived, self.delivered[self.arrived])

    def _take_back(self) -> None:
        """Some goods come back, each piece credited at its price less the discount on it, in whole minor units."""
        settings, draws = self.settings, self.draws
        returning = np.zeros(len(self.order), dtype=np.bool_)
        returning[self.arrived[self._happens("returned", self.arrived, settings.returned_share)]] = True
        candidates = np.flatnonzero(returning[self.lines] & (self.pieces > 0))
        keys = self.line_keys[candidates]
        comes = (self.line[candidates] == 0) | draws.share("returned line", keys, settings.returned_line_share)
        m, keys = candidates[comes], keys[comes]
        rows = self.lines[m]
        whole = draws.share("whole", keys, settings.fully_returned_share)
        pieces = np.where(whole, self.pieces[m], 1 + draws.below("pieces", keys, self.pieces[m]))
        credit = self.price[m] * (100 - self.percent[rows]) // 100
        n = np.flatnonzero(returning)
        came_back = np.zeros(len(self.order), dtype=np.int64)
        came_back[n] = self.delivered[n] + self._delay("return_delay", n)
        self.out.add(
            Kind.ITEM_RETURNED,
            rows,
            came_back[rows] + np.minimum(self.line[m], 3_000) * _SECOND_MS,
            amount=credit * _MINOR,
            quantity=pieces,
            item=self.item[m],
            line=self.line[m],
            text=self.texts.first("returned") + draws.below("reason", keys, self.texts.count("returned")),
        )
        self.returned = np.zeros(len(self.order), dtype=np.int64)
        np.add.at(self.returned, rows, pieces * credit)
        n = np.flatnonzero(self.returned > 0)
        # The refund follows the last line that was unpacked: an hour at most.
        self._refund(Kind.REFUND_RETURNED, n, came_back[n] + 3_000 * _SECOND_MS, self.returned[n], "refund returned")

    def _adjust(self) -> None:
        """Credits for goodwill, and corrections that are dated back to the delivery."""
        settings, draws, n = self.settings, self.draws, self.arrived
        left = self.total - self.returned
        percent = 5 + draws.below("goodwill percent", self.order[n], 21)
        credit = left[n] * percent // 100
        chosen = self._happens("goodwill", n, settings.goodwill_share) & (credit > 0)
        g, credit = n[chosen], credit[chosen]
        when = self.delivered[g] + self._delay("goodwill_delay", g)
        self.out.add(Kind.GOODWILL, g, when, amount=-credit * _MINOR, text=self._pick("goodwill", g))
        self._refund(Kind.REFUND_GOODWILL, g, when, credit, "refund goodwill")
        credited = np.zeros(len(self.order), dtype=np.bool_)
        credited[g] = True

        percent = 1 + draws.below("correction percent", self.order[n], 20)
        change = left[n] * percent // 100
        chosen = self._happens("correction", n, settings.correction_share) & (change > 0)
        c, change = n[chosen], change[chosen]
        # More can be asked for only where nothing is owed to the customer: he would be paying while waiting for money.
        upward = self._happens("upward", c, settings.correction_upward_share) & ~credited[c] & (self.returned[c] == 0)
        occurred_at = self.delivered[c] + _SECOND_MS
        recorded_at = occurred_at + self._delay("correction_delay", c)
        reason = np.where(upward, self._pick("corrected up", c), self._pick("corrected down", c))
        signed = np.where(upward, change, -change)
        self.out.add(Kind.CORRECTED, c, occurred_at, recorded_at=recorded_at, amount=signed * _MINOR, text=reason)
        down = ~upward
        self._refund(Kind.REFUND_CORRECTED, c[down], recorded_at[down], change[down], "refund corrected")
        paid = recorded_at[upward] + self._delay("transfer_delay", c[upward], purpose="correction paid")
        self.out.add(
            Kind.PAID_CORRECTED, c[upward], paid, amount=change[upward] * _MINOR, text=self.texts.first("transfer")
        )

    def _assign(self) -> None:
        n = self.alive[self.guest[self.alive]]
        n = n[self._happens("assigned", n, self.settings.guest_assigned_share)]
        self.out.add(Kind.ASSIGNED, n, self.placed[n] + self._delay("assignment_delay", n), amount=self.customer[n])

    def _record(self) -> Steps:
        """When each step is recorded: mostly at once, sometimes late, and never before the order itself."""
        settings, draws = self.settings, self.draws
        steps = self.out.steps()
        recorded_at, kind = steps.recorded_at.copy(), steps.kind.astype(np.int64)
        keys = event_key(steps.order, kind, steps.line.astype(np.int64))
        late = np.flatnonzero(_LATE[kind])
        late = late[draws.share("late", keys[late], settings.late_share)]
        recorded_at[late] += draws.delay("late delay", keys[late], self.shop.delays["late_delay"])

        n = np.flatnonzero(self._happens("late basket", self.everyone, settings.late_basket_share))
        entered = np.zeros(len(self.order), dtype=np.int64)
        entered[n] = self._delay("late_basket_delay", n)
        if settings.open_end:
            # Each order that was asked for is at least opened within the period.
            entered[n] = np.maximum(np.minimum(entered[n], self.shop.end_ms - 1 - self.created[n]), 0)
        row = steps.order - self.order[0]
        recorded_at = np.where(
            _BASKET[kind], recorded_at + entered[row], np.maximum(recorded_at, (self.placed + entered)[row])
        )
        return Steps(recorded_at, *(getattr(steps, name) for name in Steps.__slots__[1:]))


def _long_orders(wanted: int, orders: int) -> Ints:
    """The numbers of the standing orders: in the first half, so that there is time to fill them."""
    count = min(wanted, orders // 2)
    return (np.arange(count, dtype=np.int64) * 2 + 1) * orders // max(1, 4 * count)
