#include "tasks/sinks/bulk_writer.h"

#include <algorithm>

#include "core/base/compression.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/metrics.h"

namespace tamis::sinks {
namespace {

constexpr auto tell_again_after = std::chrono::seconds(30);
constexpr size_t smallest_bulk = 64 << 10;
// Single documents for which the server refused a whole request.  More of them are no documents' fault but
// the request's.
constexpr size_t suspects_max = 16;
constexpr auto query =
    "/_bulk?timeout=10s&filter_path=errors,took,items.*.status,items.*.error.type,items.*.error.reason";

struct Metrics {
  base::Counter written = base::counter("tamis_bulk_documents_total", "documents by what became of them",
                                        {{"outcome", "written"}});
  base::Counter already = base::counter("tamis_bulk_documents_total", "documents by what became of them",
                                        {{"outcome", "already_there"}});
  base::Counter refused = base::counter("tamis_bulk_documents_total", "documents by what became of them",
                                        {{"outcome", "refused"}});
  base::Counter repeated = base::counter("tamis_bulk_documents_total", "documents by what became of them",
                                         {{"outcome", "sent_again"}});
  base::Histogram seconds =
      base::histogram("tamis_bulk_request_seconds", "bulk requests, from sending to the answer");
};
Metrics& metrics() {
  static Metrics all;
  return all;
}

}  // namespace

BulkWriter::BulkWriter(const base::ElasticsearchConnection& connection,
                       std::shared_ptr<ElasticsearchNodes> nodes, records::OnRefused on_refused,
                       std::stop_token stop)
    : connection_(connection),
      nodes_(std::move(nodes)),
      on_refused_(std::move(on_refused)),
      stop_(std::move(stop)),
      alive_max_(static_cast<size_t>(connection.bulk_bytes) * static_cast<size_t>(connection.max_in_flight) *
                 2),
      bulk_bytes_(static_cast<size_t>(connection.bulk_bytes)),
      limit_(connection.max_in_flight),
      random_(std::random_device()()),
      multi_(static_cast<size_t>(connection.max_in_flight)),
      thread_([this] { run(); }) {}

BulkWriter::~BulkWriter() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  work_.notify_all();
  thread_.join();
}

std::string BulkWriter::place() const {
  return "Elasticsearch at " + nodes_->addresses();
}

BulkWriter::Counts BulkWriter::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

void BulkWriter::wait_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready) {
  while (!failure_ && !ready()) {
    changed_.wait_for(lock, std::chrono::milliseconds(100));
    if (stop_.stop_requested()) throw base::TransientError("writing to {} was stopped", place());
  }
  if (failure_) std::rethrow_exception(failure_);
}

void BulkWriter::close_open(std::unique_lock<std::mutex>&) {
  if (open_.places.empty()) return;
  ready_.push_back(std::move(open_));
  open_ = Bulk();
  work_.notify_one();
}

void BulkWriter::write(const std::shared_ptr<const records::DocumentBatch>& batch) {
  for (uint32_t i = 0; i < batch->entries.size();) {
    std::unique_lock lock(mutex_);
    wait_until(lock, [this] { return alive_bytes_ < alive_max_; });
    for (; i < batch->entries.size() && open_.bytes < bulk_bytes_; ++i) {
      const auto& entry = batch->entries[i];
      if (entry.id_size == 0 || entry.id_size > bulk_max_id) {
        lock.unlock();
        refuse(*batch, entry,
               fmt::format("its id has {} bytes; 1 to {} are allowed", entry.id_size, bulk_max_id));
        lock.lock();
        continue;
      }
      // One large document more must not make a request that is much too large.
      if (!open_.places.empty() && open_.bytes + bulk_bytes(entry) > bulk_bytes_ + bulk_bytes_ / 4) break;
      const size_t before = open_.bytes;
      open_.add(batch, i);
      alive_bytes_ += open_.bytes - before;
      ++alive_documents_;
    }
    if (open_.bytes >= bulk_bytes_ || i < batch->entries.size()) close_open(lock);
  }
}

void BulkWriter::finish() {
  std::unique_lock lock(mutex_);
  close_open(lock);
  wait_until(lock, [this] { return alive_documents_ == 0; });
}

void BulkWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (closing_) break;
    if (!answers_.empty()) {
      auto answered = std::move(answers_.front());
      answers_.pop_front();
      --in_flight_;
      lock.unlock();
      try {
        take(std::move(answered));
      } catch (...) {
        fail(std::current_exception());
      }
      lock.lock();
      changed_.notify_all();
      continue;
    }
    const auto now = Clock::now();
    auto next = Clock::time_point::max();
    for (size_t i = 0; i < waiting_.size();) {
      if (waiting_[i].first <= now) {
        ready_.push_front(std::move(waiting_[i].second));
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        next = std::min(next, waiting_[i++].first);
      }
    }
    if (!ready_.empty() && in_flight_ < limit_.limit() && !failure_) {
      Bulk bulk = std::move(ready_.front());
      ready_.pop_front();
      ++in_flight_;
      lock.unlock();
      send(std::move(bulk));
      lock.lock();
      continue;
    }
    if (!suspects_.empty() && ready_.empty() && waiting_.empty() && in_flight_ == 0) {
      // All else went well: it was these documents.
      lock.unlock();
      for (const auto& [bulk, reason] : std::exchange(suspects_, {})) {
        refuse(bulk.batch(bulk.places[0]), bulk.entry(bulk.places[0]), reason);
        done(bulk, 1);
      }
      lock.lock();
      changed_.notify_all();
      continue;
    }
    if (next == Clock::time_point::max())
      work_.wait(lock);
    else
      work_.wait_until(lock, next);
  }
  lock.unlock();
  // Answers after this are dropped with the writer.
  multi_.cancel();
  lock.lock();
  work_.wait_for(lock, std::chrono::seconds(10),
                 [this] { return static_cast<int>(answers_.size()) >= in_flight_; });
}

void BulkWriter::send(Bulk bulk) {
  const auto now = Clock::now();
  if (bulk.born == Clock::time_point()) bulk.born = now;
  std::string body;
  write_bulk(bulk, body);
  if (connection_.gzip) body = base::gzip_compress(body, 1);
  auto request = nodes_->request("POST", "/" + http::url_encode(bulk.index()) + query, std::move(body),
                                 "application/x-ndjson");
  if (connection_.gzip) request.headers.emplace_back("Content-Encoding: gzip");
  auto kept = std::make_shared<Bulk>(std::move(bulk));
  multi_.send(std::move(request), [this, kept, now](http::Request sent, http::Response response) {
    sent.body.clear();
    sent.body.shrink_to_fit();
    {
      std::lock_guard lock(mutex_);
      answers_.push_back({std::move(*kept), now, std::move(sent), std::move(response)});
    }
    work_.notify_one();
  });
}

void BulkWriter::take(Answered answered) {
  const auto now = Clock::now();
  const http::Response& response = answered.response;
  Bulk& bulk = answered.bulk;
  nodes_->note(answered.request, response);
  metrics().seconds.observe(std::chrono::duration<double>(now - answered.sent).count());
  {
    std::lock_guard lock(mutex_);
    ++counts_.requests;
  }
  if (response.status == 200) {
    const auto answer = read_bulk_answer(response.body);
    if (!answer.readable || answer.items != bulk.places.size())
      return retry(std::move(bulk),
                   fmt::format("it answered for {} of {} documents", answer.readable ? answer.items : 0,
                               bulk.places.size()),
                   false);
    const bool overloaded = std::any_of(answer.failed.begin(), answer.failed.end(),
                                        [](const auto& item) { return item.status == 429; });
    if (overloaded)
      limit_.on_overload(answered.sent, now);
    else
      limit_.on_success(now - answered.sent);
    return take_items(std::move(bulk), answer);
  }
  if (response.status == 0) {
    if (response.sent) limit_.on_overload(answered.sent, now);
    return retry(std::move(bulk), response.error, false);
  }
  const std::string text = fmt::format("{} {}", response.status, error_text(response.body));
  switch (response.status) {
    case 401:
      throw base::UserError("{} refused the login of {}", place(), nodes_->login());
    case 403:
      if (text.find("FORBIDDEN/12") != std::string::npos) return retry(std::move(bulk), text, true);
      throw base::UserError("{}: {} may not write to index \"{}\": {}", place(), nodes_->login(),
                            bulk.index(), text);
    case 404:
    case 405:
    case 406:
      throw base::UserError("{} takes no bulk requests for index \"{}\": {}", place(), bulk.index(), text);
    case 413: {
      if (bulk.places.size() == 1) {
        refuse(bulk.batch(bulk.places[0]), bulk.entry(bulk.places[0]),
               "it is larger than the server takes (413)");
        return done(bulk, 1);
      }
      {
        std::lock_guard lock(mutex_);
        bulk_bytes_ = std::max(smallest_bulk, std::min(bulk_bytes_, bulk.bytes / 2));
      }
      return split(std::move(bulk), text);
    }
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      limit_.on_overload(answered.sent, now);
      return retry(std::move(bulk), text, text.find("cluster_block_exception") != std::string::npos);
    case 400:
      if (bulk.places.size() == 1) return suspect(bulk, text);
      return split(std::move(bulk), text);
    default:
      if (response.status >= 500) return retry(std::move(bulk), text, false);
      throw base::UserError("{} takes no bulk requests: {}", place(), text);
  }
}

void BulkWriter::take_items(Bulk bulk, const BulkAnswer& answer) {
  std::vector<uint32_t> again, alone;
  std::string reason, alone_reason;
  bool slowly = false;
  uint64_t already = 0, refused = 0;
  for (const auto& item : answer.failed) {
    const auto& entry = bulk.entry(bulk.places[item.position]);
    const auto& batch = bulk.batch(bulk.places[item.position]);
    switch (judge_item(item, bulk.attempt)) {
      case Verdict::done:
        break;
      case Verdict::already_there:
        ++already;
        break;
      case Verdict::retry_slowly:
        slowly = true;
        [[fallthrough]];
      case Verdict::retry:
        if (again.empty())
          reason = fmt::format("{} {}: {}", item.status, item.type, item.reason.substr(0, 300));
        again.push_back(item.position);
        break;
      case Verdict::isolate:
        alone.push_back(item.position);
        alone_reason = item.type + ": " + item.reason;
        break;
      case Verdict::refuse:
        ++refused;
        refuse(batch, entry, item.type + ": " + item.reason);
        break;
      case Verdict::misplaced:
        throw base::UserError("{}: {} can't write to index \"{}\": {} {}: {}", place(), nodes_->login(),
                              batch.index(entry), item.status, item.type, item.reason);
    }
  }
  const size_t ended = bulk.places.size() - again.size() - alone.size();
  {
    std::lock_guard lock(mutex_);
    counts_.written += ended - already - refused;
    counts_.already_there += already;
  }
  metrics().written.add(static_cast<double>(ended - already - refused));
  if (already > 0) metrics().already.add(static_cast<double>(already));
  if (again.empty() && alone.empty()) return done(bulk, bulk.places.size());
  Bulk repeated = again.empty() ? Bulk() : bulk.part(again);
  Bulk isolated = alone.empty() ? Bulk() : bulk.part(alone);
  const bool same = isolated.places.size() == bulk.places.size();
  {
    std::lock_guard lock(mutex_);
    alive_bytes_ -= bulk.bytes - repeated.bytes - isolated.bytes;
    alive_documents_ -= ended;
  }
  if (!repeated.places.empty()) retry(std::move(repeated), reason, slowly);
  if (isolated.places.size() == 1 && same) return suspect(isolated, alone_reason);
  if (!isolated.places.empty()) split(std::move(isolated), alone_reason);
}

void BulkWriter::split(Bulk bulk, const std::string& reason) {
  base::log_debug("bulk request split", {{"documents", bulk.places.size()}, {"reason", reason}});
  const size_t half = bulk.places.size() / 2;
  std::lock_guard lock(mutex_);
  if (half > 0) ready_.push_front(bulk.range(half, bulk.places.size()));
  ready_.push_front(half > 0 ? bulk.range(0, half) : std::move(bulk));
}

void BulkWriter::suspect(const Bulk& bulk, const std::string& reason) {
  suspects_.emplace_back(bulk, reason);
  if (suspects_.size() > suspects_max)
    throw base::UserError("{} refuses whole bulk requests for index \"{}\": {}", place(), bulk.index(),
                          reason);
}

void BulkWriter::retry(Bulk bulk, const std::string& reason, bool slowly) {
  ++bulk.attempt;
  const auto now = Clock::now();
  base::Duration wait = backoff_.jittered(bulk.attempt, random_);
  // A full disk is not emptied in a second.
  if (slowly) wait = backoff_.cap / 2 + wait / 2;
  if (now + wait - bulk.born > connection_.deadline)
    throw base::TransientError("{} did not take {} documents for index \"{}\" within {}: {}", place(),
                               bulk.places.size(), bulk.index(), base::format_duration(connection_.deadline),
                               reason);
  // Many requests fail for one reason: it is told once in a while.
  if (bulk.attempt >= 3 && now - told_ > tell_again_after) {
    told_ = now;
    base::log_warn("bulk request repeated", {{"index", bulk.index()},
                                             {"documents", bulk.places.size()},
                                             {"attempt", bulk.attempt},
                                             {"reason", reason.substr(0, 200)}});
  }
  metrics().repeated.add(static_cast<double>(bulk.places.size()));
  std::lock_guard lock(mutex_);
  counts_.repeated += bulk.places.size();
  waiting_.emplace_back(now + wait, std::move(bulk));
}

void BulkWriter::refuse(const records::DocumentBatch& batch, const records::DocumentBatch::Entry& entry,
                        std::string reason) {
  {
    std::lock_guard lock(mutex_);
    ++counts_.refused;
  }
  metrics().refused.add();
  std::lock_guard lock(refuse_mutex_);
  if (on_refused_) on_refused_(batch, entry, std::move(reason));
}

void BulkWriter::done(const Bulk& bulk, size_t documents) {
  std::lock_guard lock(mutex_);
  alive_bytes_ -= bulk.bytes;
  alive_documents_ -= documents;
}

void BulkWriter::fail(std::exception_ptr failure) {
  std::lock_guard lock(mutex_);
  if (!failure_) failure_ = std::move(failure);
}

}  // namespace tamis::sinks
