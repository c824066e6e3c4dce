"""Wrong series."""

import bisect
import time

import msgspec

from plugins.smok_testing.tests.mutants.base import series
from smok_core.engine.base import OnFull
from smok_core.engine.memory import MemorySeries
from smok_core.errors import BackendUnavailable, QueueFull


def _range(ends):
    """Give a series that changes the ends of every range."""

    class Changed(MemorySeries):
        def range(self, name, start, stop):
            return super().range(name, *ends(start, stop))

    return Changed


@series("SR1.both_ends_of_a_range_are_inclusive")
class StopExcluded(_range(lambda start, stop: (start, None if stop is None else stop - 1))):
    """Off by one at the end of a range."""


@series("SR1.both_ends_of_a_range_are_inclusive")
class StartExcluded(_range(lambda start, stop: (None if start is None else start + 1, stop))):
    """Off by one at the beginning of a range."""


@series("SR1.both_ends_of_a_range_are_inclusive")
class OpenEndIsNow(_range(lambda start, stop: (start, 4 if stop is None else stop))):
    """An open end leaves out the newest points."""


@series("SR1.both_ends_of_a_range_are_inclusive")
class ZeroIsOpen(_range(lambda start, stop: (start or None, stop or None))):
    """Takes the timestamp 0 for no end."""


@series("SR1.timestamps_have_64_bits")
class TimesAreDoubles(MemorySeries):
    """Keeps timestamps as doubles."""

    def append(self, points):
        super().append([(name, int(float(ts)), value) for name, ts, value in points])


@series("SR1.points_come_back_ascending")
class RangeByArrival(MemorySeries):
    """Gives points in the order of their arrival."""

    def range(self, name, start, stop):
        found = list(super().range(name, start, stop))
        order = list(self._lines[name].points) if name in self._lines else []
        return iter(sorted(found, key=lambda pair: order.index(pair[0])))


@series("SR1.latest_is_the_greatest_timestamp")
class LatestIsLast(MemorySeries):
    """Takes the last arrival for the current value."""

    def latest(self, name):
        line = self._lines.get(name)
        if line is None:
            return super().latest(name)
        ts = max(line.points, key=lambda at: line.points[at].seq)
        return ts, line.points[ts].value


@series("SR1.every_text_is_an_ordinary_name")
class NamesArePrefixes(MemorySeries):
    """Finds a name by its beginning."""

    def latest(self, name):
        longest = max((n for n in self._lines if n.startswith(name)), default=name, key=len)
        return super().latest(longest)


@series("SR1.an_unknown_name_has_no_points")
class ReadingMakesNames(MemorySeries):
    """A name that was asked for is listed."""

    def latest(self, name):
        vars(self).setdefault("_asked", set()).add(name)
        return super().latest(name)

    def names(self):
        return iter({*super().names(), *vars(self).get("_asked", ())})


@series("SR1.a_batch_may_be_large")
class BatchIsCut(MemorySeries):
    """Stores the first thousand points of a batch."""

    def append(self, points):
        super().append(points[:1000])


@series("SR1.every_value_of_a_point_is_opaque")
class EmptyValuesAreNone(MemorySeries):
    """Takes an empty value for no value."""

    def append(self, points):
        super().append([point for point in points if point[2]])


@series("SR5.a_range_streams_beside_trim")
class RangeByOffset(MemorySeries):
    """Pages by counting, so what is trimmed shifts the pages."""

    def range(self, name, start, stop):
        offset = 0
        while page := list(super().range(name, start, stop))[offset : offset + 500]:
            yield from page
            offset += 500


@series("pathpoints-PP3.an_archive_streams_beside_writers")
@series("SR5.a_range_streams_beside_writers")
class RangeRepeatsPages(MemorySeries):
    """Begins each page with the last point of the one before."""

    def range(self, name, start, stop):
        page = self._page(name, start, stop)
        while len(page) > 1:
            yield from page
            page = self._page(name, page[-1][0], stop)
        yield from page


@series("SR5.memory_does_not_grow_with_the_range")
class RangeIsAList(MemorySeries):
    """Copies the whole range first."""

    def range(self, name, start, stop):
        return iter([(ts, bytes(bytearray(v))) for ts, v in super().range(name, start, stop)])


@series("SR3.points_wait_in_the_order_of_their_arrival")
class QueueByTime(MemorySeries):
    """Hands over in the order of the timestamps."""

    def pending(self, limit, after=0):
        return sorted(super().pending(10**6, after), key=lambda point: point.ts)[:limit]


@series("SR3.the_queue_is_given_in_bounded_parts")
class QueueZeroIsAll(MemorySeries):
    """Takes the limit 0 for no limit."""

    def pending(self, limit, after=0):
        return super().pending(limit or 10**6, after)


@series("SR3.the_queue_pages_without_acknowledging")
class QueueIgnoresAfter(MemorySeries):
    """Gives the first page again and again."""

    def pending(self, limit, after=0):
        return super().pending(limit)


@series("SR2.an_equal_point_changes_nothing")
class EqualPointsAreQueued(MemorySeries):
    """Uploads a repeat again."""

    def _at(self, name, ts):
        return None


@series("SR2.another_value_replaces_and_queues_again")
class CorrectionsStayHere(MemorySeries):
    """Stores another value without queueing it."""

    def _put(self, name, ts, value):
        known = name in self._lines and ts in self._lines[name].points
        super()._put(name, ts, value)
        if known:
            self._acknowledge([self._seq])


@series("SR2.another_value_replaces_and_queues_again")
class CorrectionsKeepTheirPlace(MemorySeries):
    """A point that is corrected while it waits keeps its place."""

    def _put(self, name, ts, value):
        line = self._lines.get(name)
        point = line.points.get(ts) if line else None
        if point and point.seq:
            line.put(ts, point._replace(value=value))
        else:
            super()._put(name, ts, value)


@series("SR2.of_repeats_in_a_batch_the_last_counts")
class FirstOfRepeatsCounts(MemorySeries):
    """Of repeats in one batch the first counts."""

    def append(self, points):
        super().append(list({(n, ts): (n, ts, v) for n, ts, v in reversed(points)}.values())[::-1])


@series("SR2.of_repeats_in_a_batch_the_last_counts")
class LastValueAtFirstPlace(MemorySeries):
    """Of repeats in one batch the last counts, at the place of the first."""

    def append(self, points):
        super().append(list({(n, ts): (n, ts, v) for n, ts, v in points}.values()))


@series("SR2.a_batch_that_returns_to_the_stored_value_changes_nothing")
class BatchesOneByOne(MemorySeries):
    """Stores a batch point by point."""

    def append(self, points):
        for point in points:
            super().append([point])


@series("SR2.late_points_are_stored_and_pending")
class LatePointsAreNotQueued(MemorySeries):
    """Archives a late point without uploading it."""

    def _put(self, name, ts, value):
        newest = self.latest(name)
        super()._put(name, ts, value)
        if newest and ts < newest[0]:
            self._acknowledge([self._seq])


@series("SR2.late_points_are_stored_and_pending")
class LatePointsAreDropped(MemorySeries):
    """Refuses to go back in time, as the published client does."""

    def append(self, points):
        newest = {name: self.latest(name) for name, _, _ in points}
        super().append([p for p in points if not newest[p[0]] or p[1] >= newest[p[0]][0]])


@series("SR4.acknowledge_takes_exactly_these_seqs")
class AcknowledgeUpTo(MemorySeries):
    """Takes the greatest seq for a watermark."""

    def acknowledge(self, seqs):
        top = max(seqs, default=0)
        return self._acknowledge([seq for seq in self._queue if seq <= top])


@series("SR4.acknowledge_takes_exactly_these_seqs")
class AcknowledgeByCount(MemorySeries):
    """Takes as many from the head as were acknowledged."""

    def acknowledge(self, seqs):
        return self._acknowledge(list(self._queue)[: len(set(seqs))])


@series("SR4.acknowledge_takes_exactly_these_seqs")
class AcknowledgeForgetsPoints(MemorySeries):
    """Removes what was uploaded from the archive."""

    def acknowledge(self, seqs):
        found = list(seqs)
        places = [self._queue[seq] for seq in found if seq in self._queue]
        acknowledged = super().acknowledge(found)
        for name, ts in places:
            self._lines[name].stamps.remove(ts)
            del self._lines[name].points[ts]
        return acknowledged


@series("SR4.acknowledging_points_twice_is_harmless")
class AcknowledgeCountsUnknown(MemorySeries):
    """Counts seqs that never were."""

    def acknowledge(self, seqs):
        found = list(seqs)
        super().acknowledge(found)
        return len(found)


@series("pathpoints-PP2.any_history_of_values_is_that_of_a_dict")
@series("SR4.acknowledge_leaves_a_point_replaced_meanwhile")
class AcknowledgeByPlace(MemorySeries):
    """Acknowledges whatever waits at the place of an old seq."""

    def pending(self, limit, after=0):
        found = super().pending(limit, after)
        vars(self).setdefault("_old", {}).update((p.seq, (p.name, p.ts)) for p in found)
        return found

    def acknowledge(self, seqs):
        places = {vars(self).get("_old", {}).get(seq) for seq in seqs}
        return self._acknowledge([seq for seq, place in self._queue.items() if place in places])


@series("SR3.a_seq_of_the_queue_is_never_used_again")
class SeqRestartsWhenEmpty(MemorySeries):
    """Counts from one again when nothing waits."""

    def append(self, points):
        if not self._queue:
            self._seq = 0
        super().append(points)


@series("SR6.trim_keeps_what_waits")
class TrimDropsQueued(MemorySeries):
    """Forgets what was never uploaded."""

    def trim(self, before):
        self._acknowledge([seq for seq, (_, ts) in self._queue.items() if ts < before])
        return super().trim(before)


@series("pathpoints-PP6.retention_keeps_the_current_value")
@series("SR6.trim_keeps_the_latest_of_each_name")
class TrimDropsLatest(MemorySeries):
    """Forgets the current value."""

    def trim(self, before):
        count = super().trim(before)
        for name, line in list(self._lines.items()):
            if line.stamps[-1] < before:
                del self._lines[name]
                count += 1
        return count


@series("SR6.trim_forgets_what_is_acknowledged_and_old")
class TrimInclusive(MemorySeries):
    """Forgets the point at the given time too."""

    def trim(self, before):
        return super().trim(before + 1)


@series("SR6.trim_forgets_what_is_acknowledged_and_old")
class TrimDoesNothing(MemorySeries):
    """Says that it forgot and keeps everything."""

    def trim(self, before):
        return sum(ts < before for line in self._lines.values() for ts in line.stamps)


@series("SR7.requeue_puts_stored_points_at_the_end")
class RequeueNothing(MemorySeries):
    """Does not queue again."""

    def requeue(self, points):
        return 0


@series("SR7.requeue_ignores_what_waits_or_is_not_stored")
class RequeueMovesWaiting(MemorySeries):
    """A point that waits goes to the end."""

    def requeue(self, points):
        pending = set(self._queue.values())
        for seq, place in list(self._queue.items()):
            if place in points:
                self._acknowledge([seq])
        return super().requeue(points) - len(pending & set(points))


@series("SR9.requeue_knows_no_limit")
class RequeueKeepsTheLimit(MemorySeries):
    """Dead letters push out what waits."""

    def requeue(self, points):
        count = super().requeue(points)
        most = self.limits.max_pending
        if most is not None and len(self._queue) > most:
            excess = len(self._queue) - most
            self._dropped += self._acknowledge(list(self._queue)[:excess])
        return count


@series("SR8.series_stats_count")
class OldestIsSmallest(MemorySeries):
    """Gives the smallest timestamp of the queue for that of its head."""

    def stats(self):
        oldest = min((ts for _, ts in self._queue.values()), default=None)
        return msgspec.structs.replace(super().stats(), oldest_pending=oldest)


@series("SR9.a_full_queue_refuses_the_whole_batch")
class RefusesInPart(MemorySeries):
    """Stores what fits of a batch and refuses the rest."""

    def append(self, points):
        for point in points:
            super().append([point])


@series("SR9.a_full_queue_refuses_the_whole_batch")
class RefusalIsAValueError(MemorySeries):
    """Raises an error of its own when the queue is full."""

    def append(self, points):
        try:
            super().append(points)
        except QueueFull as error:
            raise ValueError("full") from error


@series("SR9.acknowledging_makes_room")
class FullForever(MemorySeries):
    """Once full, the queue takes nothing more."""

    def append(self, points):
        most = self.limits.max_pending
        full = most is not None and self.limits.on_full is OnFull.REFUSE and self._seq >= most
        if full and self._fresh(points):
            raise QueueFull("kit", "full")
        super().append(points)


@series("SR9.a_full_queue_takes_what_changes_nothing")
class FullRefusesRepeats(MemorySeries):
    """A repeat needs room."""

    def append(self, points):
        self._make_room(len(points))
        super().append(points)


@series("SR9.drop_oldest_drops_from_the_head_and_counts")
class DropsUncounted(MemorySeries):
    """Drops silently."""

    def append(self, points):
        super().append(points)
        self._dropped = 0


@series("pathpoints-Q5.a_full_backlog_may_drop_its_oldest")
@series("SR9.drop_oldest_drops_from_the_head_and_counts")
class DropsTheNewest(MemorySeries):
    """Drops what has just arrived."""

    def _drop_excess(self, *_):
        excess = len(self._queue) - (self.limits.max_pending or len(self._queue))
        if excess > 0:
            self._dropped += self._acknowledge(list(self._queue)[-excess:])


@series("SR9.drop_oldest_drops_from_the_head_and_counts")
class DropsFromTheArchive(MemorySeries):
    """What is dropped from the queue is gone from the archive."""

    def append(self, points):
        before = dict(self._queue)
        super().append(points)
        for name, ts in {before[seq] for seq in set(before) - set(self._queue)}:
            line = self._lines[name]
            if not line.points[ts].seq:
                line.stamps.pop(bisect.bisect_left(line.stamps, ts))
                del line.points[ts]


@series("SR9.a_batch_larger_than_the_queue_keeps_its_end")
class LargeBatchKeepsItsStart(MemorySeries):
    """Of a batch beyond the limit the first points wait."""

    def append(self, points):
        most = self.limits.max_pending
        if self.limits.on_full is OnFull.DROP_OLDEST and most and len(points) > most:
            super().append(points[most:])
            super().append(points[:most])
        else:
            super().append(points)


@series("SR9.only_what_was_dropped_is_counted")
class AcknowledgedCountsAsDropped(MemorySeries):
    """Counts everything that left the queue."""

    def acknowledge(self, seqs):
        acknowledged = super().acknowledge(seqs)
        self._dropped += acknowledged
        return acknowledged


@series("SR9.limits_are_those_of_the_last_opening")
class LimitsAreFrozen(MemorySeries):
    """The first limits stay for ever."""

    def __setattr__(self, name, value):
        if name != "limits" or "_dropped" not in vars(self) or not self._seq:
            super().__setattr__(name, value)


@series("Q5.drops_are_counted_exactly")
class DropsCountedLater(MemorySeries):
    """Reads the count, and writes it a moment later."""

    def append(self, points):
        before = self._dropped
        with self._engine_lock:
            self._dropped = 0
            super().append(points)
            fresh, self._dropped = self._dropped, before
        time.sleep(0.0005)
        self._dropped = before + fresh


@series("G1.every_thread_finds_its_points")
class BatchesInterleave(MemorySeries):
    """A batch is not one step."""

    def append(self, points):
        for point in points:
            super().append([point])
            time.sleep(0)


@series("Q2.no_point_is_lost_while_acknowledging")
class AcknowledgesTheHead(MemorySeries):
    """Takes from the head whatever is there a moment later."""

    def acknowledge(self, seqs):
        count = len(list(seqs))
        newest = list(self._queue)[-count:]
        return self._acknowledge(newest)


@series("G4.half_a_list_of_seqs_acknowledges_nothing")
class AcknowledgesAsSeqsCome(MemorySeries):
    """Each seq is acknowledged as it comes."""

    def acknowledge(self, seqs):
        return sum(super(AcknowledgesAsSeqsCome, self).acknowledge([seq]) for seq in seqs)


@series("SR1.appending_nothing_changes_nothing")
class NothingIsAnError(MemorySeries):
    """Takes no empty batch, as many a driver."""

    def append(self, points):
        if not points:
            raise ValueError("nothing to insert")
        super().append(points)


@series("SR5.a_range_may_be_left_unfinished")
class RangeHoldsTheStore(MemorySeries):
    """Lets nobody write until a range was read to its end."""

    _ranges = 0

    def range(self, name, start, stop):
        self._ranges += 1
        yield from super().range(name, start, stop)
        self._ranges -= 1

    def append(self, points):
        if self._ranges:
            raise BackendUnavailable("kit", "the series is locked")
        super().append(points)


@series("SR9.what_changes_nothing_drops_nothing")
class DropsAtEveryAppend(MemorySeries):
    """Brings the queue back to its limit also when nothing new came."""

    def append(self, points):
        super().append(points)
        if self.limits.on_full is OnFull.DROP_OLDEST:
            self._drop_excess()
