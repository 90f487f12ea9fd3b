#include "tasks/sources/kafka_reader.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/log.h"

namespace tamis::sources {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t drain_records = 65'536;
constexpr auto poll_wait = std::chrono::milliseconds(100);

}  // namespace

KafkaReader::KafkaReader(std::unique_ptr<KafkaFeed> feed, KafkaSlice slice, KafkaReaderOptions options)
    : feed_(std::move(feed)), slice_(std::move(slice)), options_(options) {}

KafkaReader::~KafkaReader() = default;

std::string KafkaReader::place() const {
  return fmt::format("topic \"{}\", partition {}", slice_.topic, slice_.partition);
}

Provenance KafkaReader::provenance() const {
  return {.before = fmt::format("{{\"topic\":{},\"partition\":{},\"offset\":",
                                base::Json(slice_.topic).dump(), slice_.partition),
          .id_before = fmt::format("{}-{}-", slice_.topic, slice_.partition),
          .by_line = false,
          .has_time = true};
}

void KafkaReader::open() {
  open_ = true;
  next_ = slice_.start;
  if (slice_.start >= slice_.end) {
    done_ = true;
    return;
  }
  const KafkaRange range = feed_->range(slice_.topic, slice_.partition);
  if (range.high < slice_.end) at_end_of_partition(range.high);
  if (range.low > slice_.start) {
    lose(slice_.start, std::min(range.low, slice_.end));
    if (range.low >= slice_.end) return finish();
  }
  next_ = std::max(range.low, slice_.start - std::max<int64_t>(0, options_.lookback));
  feed_->start(slice_.topic, slice_.partition, next_);
  last_progress_ = Clock::now();
}

void KafkaReader::lose(int64_t from, int64_t to) {
  if (from >= to) return;
  if (!options_.record_loss)
    throw base::UserError(
        "{}: offsets {} to {} were deleted by retention before they were read; with `on_data_loss: record` "
        "in the source the "
        "task goes on without them",
        place(), from, to - 1);
  base::log_warn("records lost",
                 {{"topic", slice_.topic}, {"partition", slice_.partition}, {"start", from}, {"end", to}});
  report_.lost.push_back({{"start", from}, {"end", to}});
  lost_ += to - from;
}

void KafkaReader::finish() {
  if (done_) return;
  done_ = true;
  report_.holes = slice_.end - slice_.start - taken_ - lost_;
  feed_->stop();
}

void KafkaReader::at_end_of_partition(int64_t offset) {
  if (offset >= slice_.end) return finish();
  const int64_t end = feed_->log_end(slice_.topic, slice_.partition);
  if (end < slice_.end)
    throw base::UserError(
        "{}: the slice ends at offset {} but the log ends at {}; the log was cut off, or the topic was made "
        "anew, after the run "
        "was planned",
        place(), slice_.end, end);
  if (!blocked_) {
    blocked_ = true;
    blocked_since_ = Clock::now();
  }
}

void KafkaReader::out_of_range() {
  const KafkaRange range = feed_->range(slice_.topic, slice_.partition);
  if (next_ > range.high) at_end_of_partition(range.high);
  if (range.low > next_) {
    lose(std::max(next_, slice_.start), std::min(range.low, slice_.end));
    if (range.low >= slice_.end) return finish();
    next_ = range.low;
  }
  feed_->start(slice_.topic, slice_.partition, next_);
}

void KafkaReader::check(size_t first_new) {
  auto& records = pending_.records;
  for (size_t i = first_new; i < records.size(); ++i) {
    records::Record& record = records[i];
    if (record.offset < next_)
      throw base::Error("{}: offset {} came after {}", place(), record.offset, next_ - 1);
    if (!first_seen_) {
      first_seen_ = true;
      // A hole at the beginning may be a transaction's marker or what compaction took: or what retention just
      // deleted.
      if (record.offset > next_) {
        const int64_t low = feed_->range(slice_.topic, slice_.partition).low;
        lose(std::max(next_, slice_.start), std::min({low, record.offset, slice_.end}));
      }
    }
    next_ = record.offset + 1;
    if (record.offset >= slice_.end) {
      records.resize(i);  // what librdkafka fetched beyond stays owned until the slice is done
      return finish();
    }
    record.is_lookback = record.offset < slice_.start;
    if (!record.is_lookback) ++taken_;
    pending_bytes_ += record.bytes.size();
  }
  if (next_ >= slice_.end) finish();
}

void KafkaReader::fetch(const std::stop_token& stop, bool wait) {
  if (stop.stop_requested()) throw base::TransientError("{}: reading was stopped", place());
  const size_t before = pending_.records.size();
  const auto notice =
      feed_->poll(pending_, drain_records, wait ? base::Duration(poll_wait) : base::Duration(0));
  if (pending_.records.size() > before) {
    last_progress_ = Clock::now();
    blocked_ = false;
    check(before);
    if (done_) return;
  }
  switch (notice.kind) {
    case KafkaFeed::Notice::Kind::none:
      break;
    case KafkaFeed::Notice::Kind::end_of_partition:
      last_progress_ = Clock::now();
      return at_end_of_partition(notice.offset);
    case KafkaFeed::Notice::Kind::out_of_range:
      out_of_range();
      break;
    case KafkaFeed::Notice::Kind::refused:
      throw base::UserError("can't read {}: {}", place(), notice.message);
    case KafkaFeed::Notice::Kind::failed:
      throw base::TransientError("can't read {} at offset {}: {}", place(), next_, notice.message);
  }
  const auto now = Clock::now();
  if (blocked_) {
    if (now - blocked_since_ > options_.patience)
      throw base::TransientError(
          "{}: offset {} and those after it, up to {}, wait for a transaction that is still open", place(),
          next_, slice_.end - 1);
  } else if (now - last_progress_ > options_.patience) {
    const std::string trouble = feed_->trouble();
    throw base::TransientError("{}: nothing came from offset {} on for {}{}{}", place(), next_,
                               base::format_duration(options_.patience), trouble.empty() ? "" : ": ",
                               trouble);
  }
}

bool KafkaReader::read(records::RecordBatch& batch, size_t max, const std::stop_token& stop) {
  batch.clear();
  if (!open_) open();
  // What has arrived is taken even when it is not needed yet, so that fetching ends soon after the slice's
  // end.
  if (!done_ && pending_bytes_ < options_.ahead_bytes) fetch(stop, false);
  size_t end = head_, bytes = 0;
  for (;;) {
    while (end < pending_.records.size() && end - head_ < max && bytes < options_.batch_bytes)
      bytes += pending_.records[end++].bytes.size();
    if (end - head_ >= max || bytes >= options_.batch_bytes || done_) break;
    fetch(stop, true);
  }
  if (end == head_) return false;

  const auto first = static_cast<std::ptrdiff_t>(head_), last = static_cast<std::ptrdiff_t>(end);
  batch.records.assign(pending_.records.begin() + first, pending_.records.begin() + last);
  auto owner = std::make_shared<KafkaMessages>();
  owner->handle = pending_.handle;
  if (!pending_.owned.empty()) {
    owner->owned.assign(pending_.owned.begin() + first, pending_.owned.begin() + last);
    std::fill(pending_.owned.begin() + first, pending_.owned.begin() + last, nullptr);
  }
  batch.owner = std::move(owner);
  batch.padded = false;
  pending_bytes_ -= bytes;
  head_ = end;
  if (head_ * 2 >= pending_.records.size()) {
    pending_.records.erase(pending_.records.begin(), pending_.records.begin() + last);
    if (!pending_.owned.empty()) pending_.owned.erase(pending_.owned.begin(), pending_.owned.begin() + last);
    head_ = 0;
  }
  return true;
}

}  // namespace tamis::sources
