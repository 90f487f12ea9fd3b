#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "core/base/error.h"
#include "core/redis/client.h"
#include "tasks/windows/embedded.h"
#include "tasks/windows/entry.h"
#include "tasks/windows/partial_store.h"
#include "tasks/windows/slice_order.h"

namespace tamis::windows {
namespace {

/// Windows up to this size come in one answer; larger ones in parts of about this size.
constexpr size_t part_bytes = 4 << 20;
/// What one call of a script changes: Redis does nothing else meanwhile.
constexpr size_t windows_per_call = 256;
constexpr size_t windows_per_forgetting = 1000;

const std::string compacted_field = "compacted", compactions_field = "compactions";

/// Names of slices end in a number, so that these words are free for a window's own fields.
bool is_own_field(std::string_view field) {
  return field == compacted_field || field == compactions_field || field == "retired" || field == "changes";
}

std::string text_of(base::Instant start) {
  return std::to_string(start.time_since_epoch().count());
}

int64_t number_of(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw base::Error("Redis holds \"{}\" where the windows keep a number", text);
  return value;
}

base::Instant start_of(std::string_view text) {
  static const auto least = base::from_civil(-1, 1, 1), greatest = base::from_civil(10000, 12, 31);
  const int64_t number = number_of(text);
  if (number < least.time_since_epoch().count() || number > greatest.time_since_epoch().count())
    throw base::Error("Redis holds \"{}\" where the windows keep a start", text);
  return base::Instant(base::Duration(number));
}

/// Notes of where a slice wrote: starts with commas between.
std::string note_of(const std::set<base::Instant>& starts) {
  std::string out;
  for (const auto start : starts) out += (out.empty() ? "" : ",") + text_of(start);
  return out;
}

std::set<base::Instant> parse_note(std::string_view text) {
  std::set<base::Instant> starts;
  while (!text.empty()) {
    const auto part = text.substr(0, text.find(','));
    starts.insert(start_of(part));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
  }
  return starts;
}

int64_t seconds_of(base::Duration duration) {
  return std::max<int64_t>(duration.count() / 1000000, 1);
}

/// `{dag/task/window}` is the part of its keys that Redis Cluster hashes, so that a task's window lies on one
/// node.
class RedisPartialStore : public PartialStore {
 public:
  RedisPartialStore(std::shared_ptr<redis::Client> client, RedisPartialStoreOptions options)
      : client_(std::move(client)), options_(options) {}

  void put(const WindowKey& key, const std::string& run_id, const records::Slice& slice,
           const std::vector<Partial>& partials) override {
    std::vector<Change> changes;
    for (const auto& partial : partials)
      changes.push_back({partial.start, slice_entry(slice, run_id, partial.bytes)});
    replace(key, run_id, slice.name(), std::move(changes));
  }

  void drop(const WindowKey& key, const std::string& run_id,
            const std::vector<std::string>& slices) override {
    for (const auto& slice : slices) replace(key, run_id, slice, {});
  }

  std::vector<base::Instant> touched(const WindowKey& key, const std::string& run_id) override {
    const auto reply = client_->run({"SMEMBERS", touched_key(key, run_id)});
    std::vector<base::Instant> starts;
    for (const auto& item : reply.items) starts.push_back(start_of(item.text));
    std::sort(starts.begin(), starts.end());
    return starts;
  }

  std::optional<WindowNote> read(const WindowKey& key, base::Instant start, const std::string& run_id,
                                 const std::function<void(StoredPartial&&)>& visit) override {
    static const redis::Script script(scripts::read_window);
    const std::string window = window_key(key, start);
    const auto reply = client_->eval(script, {window}, {std::to_string(part_bytes)});
    if (reply.items.size() != 5)
      throw base::Error("Redis gave {} parts of a window, not 5", reply.items.size());
    Reading reading{run_mark(run_id), {}, {}, visit};
    reading.note.retired = number_of(reply.items[1].text);
    reading.note.token = static_cast<uint64_t>(number_of(reply.items[2].text));
    const auto& fields = reply.items[4].items;
    std::map<std::string, size_t, SliceBefore> places;
    const redis::Reply* compacted = nullptr;
    for (size_t i = 0; i + 1 < fields.size(); i += 2) {
      if (fields[i].text == compacted_field) compacted = &fields[i + 1];
      if (!is_own_field(fields[i].text)) places.emplace(fields[i].text, i + 1);
    }
    if (reply.items[3].integer == 1) {
      if (compacted != nullptr) reading.take("", compacted->text);
      for (const auto& [slice, place] : places) reading.take(slice, fields[place].text);
      return reading.note;
    }
    std::vector<std::string> part;
    if (compacted != nullptr) {
      part.push_back(compacted_field);
      if (!fetch(window, reply.items[0].text, part, reading)) return std::nullopt;
    }
    size_t bytes = 0;
    for (const auto& [slice, place] : places) {
      part.push_back(slice);
      bytes += static_cast<size_t>(number_of(fields[place].text));
      if (bytes < part_bytes) continue;
      if (!fetch(window, reply.items[0].text, part, reading)) return std::nullopt;
      bytes = 0;
    }
    if (!part.empty() && !fetch(window, reply.items[0].text, part, reading)) return std::nullopt;
    return reading.note;
  }

  bool compact(const WindowKey& key, base::Instant start, const Compaction& compaction) override {
    static const redis::Script script(scripts::compact_window);
    const std::string window = window_key(key, start);
    // What the compacted one holds by now can only have changed together with the token, which the script
    // compares.
    const auto old = client_->run({"HGET", window, compacted_field});
    Coverage coverage;
    if (!old.is_nil()) coverage = Coverage::parse(parse_entry(old.text).coverage);
    for (const auto& slice : compaction.slices) coverage.add(slice.name, slice.span);
    std::vector<std::string> arguments = {std::to_string(compaction.token),
                                          compacted_entry(compaction.span, coverage, compaction.bytes)};
    for (const auto& slice : compaction.slices) arguments.push_back(slice.name);
    return client_->eval(script, {window}, arguments).integer == 1;
  }

  void forget(const WindowKey& key, base::Duration size, std::optional<base::Instant> before) override {
    if (!before) return;
    const std::string starts = starts_key(key);
    // Scores are doubles, exact until the year 2255; members are exact always, so the range is a little
    // wider.
    const std::string until = std::to_string((*before - size).time_since_epoch().count() + 64);
    for (;;) {
      const auto found = client_->run(
          {"ZRANGEBYSCORE", starts, "-inf", until, "LIMIT", "0", std::to_string(windows_per_forgetting)});
      std::vector<redis::Command> commands;
      for (const auto& item : found.items) {
        const auto start = start_of(item.text);
        if (start + size > *before) continue;
        commands.push_back({"UNLINK", window_key(key, start)});
        commands.push_back({"ZREM", starts, item.text});
      }
      if (!commands.empty()) run_all(commands);
      if (found.items.size() < windows_per_forgetting || commands.empty()) break;
    }
    const std::string latest = latest_key(key),
                      over = std::to_string((*before - size).time_since_epoch().count());
    for (;;) {
      const auto found = client_->run(
          {"ZRANGEBYSCORE", latest, "-inf", over, "LIMIT", "0", std::to_string(windows_per_forgetting)});
      if (found.items.empty()) break;
      redis::Command forget_notes = {"HDEL", slices_key(key)}, forget_latest = {"ZREM", latest};
      for (const auto& item : found.items) {
        forget_notes.push_back(item.text);
        forget_latest.push_back(item.text);
      }
      run_all({forget_notes, forget_latest});
    }
  }

 private:
  struct SliceBefore {
    bool operator()(const std::string& a, const std::string& b) const { return slice_before(a, b); }
  };

  struct Change {
    base::Instant start;
    std::string entry;  ///< empty: taken away
  };

  /// Entries on their way to a visitor.
  struct Reading {
    std::string run;
    WindowNote note;
    Coverage coverage;
    const std::function<void(StoredPartial&&)>& visit;

    void take(const std::string& slice, std::string_view text) {
      const Entry entry = parse_entry(text);
      if (entry.is_compacted)
        coverage = Coverage::parse(entry.coverage);
      else if (coverage.holds(slice, entry.span))
        return;
      const bool compactable = entry.is_immutable && entry.run != run;
      ++note.partials;
      note.compactable += compactable;
      visit({slice, entry.span, std::string(entry.bytes), compactable});
    }
  };

  /// Gives the fields' values to the reading and empties `fields`; false when the window was compacted
  /// meanwhile.
  bool fetch(const std::string& window, const std::string& compactions, std::vector<std::string>& fields,
             Reading& reading) {
    redis::Command command = {"HMGET", window, compactions_field};
    command.insert(command.end(), fields.begin(), fields.end());
    auto reply = client_->run(command);
    if (reply.items.size() != fields.size() + 1) throw base::Error("Redis gave not all fields of a window");
    if ((reply.items[0].is_nil() ? "0" : reply.items[0].text) != compactions) return false;
    for (size_t i = 0; i < fields.size(); ++i) {
      auto& item = reply.items[i + 1];
      if (!item.is_nil()) reading.take(fields[i] == compacted_field ? "" : fields[i], item.text);
      item.text = {};
    }
    fields.clear();
    return true;
  }

  void replace(const WindowKey& key, const std::string& run_id, const std::string& slice,
               std::vector<Change> changes) {
    const std::string slices = slices_key(key), latest = latest_key(key);
    const auto old_note = client_->run({"HGET", slices, slice});
    std::set<base::Instant> now, ever;
    for (const auto& change : changes) now.insert(change.start);
    if (!old_note.is_nil()) ever = parse_note(old_note.text);
    for (const auto start : ever)
      if (now.count(start) == 0) changes.push_back({start, ""});
    if (changes.empty()) return;
    // First the note, which names every window that may hold something of the slice, whatever happens next.
    ever.insert(now.begin(), now.end());
    const std::string note = note_of(ever), ttl = std::to_string(seconds_of(options_.window_ttl));
    run_all({{"HSET", slices, slice, note},
             {"ZADD", latest, text_of(*ever.rbegin()), slice},
             {"EXPIRE", slices, ttl},
             {"EXPIRE", latest, ttl}});
    write(key, run_id, slice, changes);
    if (ever.size() != now.size()) {
      static const redis::Script script(scripts::settle_slice);
      client_->eval(script, {slices, latest},
                    {slice, note, note_of(now), now.empty() ? "" : text_of(*now.rbegin())});
    }
  }

  void write(const WindowKey& key, const std::string& run_id, const std::string& slice,
             const std::vector<Change>& changes) {
    static const redis::Script script(scripts::put_partials);
    for (size_t at = 0; at < changes.size();) {
      std::vector<std::string> keys = {starts_key(key), touched_key(key, run_id)};
      std::vector<std::string> arguments = {slice, std::to_string(seconds_of(options_.window_ttl)),
                                            std::to_string(seconds_of(options_.touched_ttl))};
      size_t bytes = 0;
      for (; at < changes.size() && keys.size() < windows_per_call + 2 && bytes < part_bytes; ++at) {
        keys.push_back(window_key(key, changes[at].start));
        arguments.push_back(text_of(changes[at].start));
        arguments.push_back(changes[at].entry);
        bytes += changes[at].entry.size();
      }
      client_->eval(script, keys, arguments);
    }
  }

  void run_all(const std::vector<redis::Command>& commands) {
    for (const auto& reply : client_->pipeline(commands))
      if (reply.is_error()) throw base::Error("Redis refused to keep windows: {}", reply.text);
  }

  // The keys, with --redis_key_prefix before them; all but the last end when nobody wrote for window_ttl.
  static std::string tag(const WindowKey& key) {
    return fmt::format("{{{}/{}/{}}}", key.dag_id, key.task_id, key.window);
  }
  /// Hash: a slice's name → its entry (entry.h); `compacted`, `compactions`, `retired`, `changes`.
  std::string window_key(const WindowKey& key, base::Instant start) const {
    return client_->key(fmt::format("tamis:window:{}:{}", tag(key), text_of(start)));
  }
  /// Sorted set: starts of the windows that are kept, in microseconds since 1970.
  std::string starts_key(const WindowKey& key) const {
    return client_->key("tamis:window-starts:" + tag(key));
  }
  /// Hash: a slice's name → the starts that it wrote to.
  std::string slices_key(const WindowKey& key) const {
    return client_->key("tamis:window-slices:" + tag(key));
  }
  /// Sorted set: slices by the latest start that they wrote to, for forgetting them.
  std::string latest_key(const WindowKey& key) const {
    return client_->key("tamis:window-slices-latest:" + tag(key));
  }
  /// Set: starts that a run's slices wrote to or took something from; ends after touched_ttl.
  std::string touched_key(const WindowKey& key, const std::string& run_id) const {
    return client_->key(fmt::format("tamis:window-touched:{}:{}", tag(key), run_id));
  }

  std::shared_ptr<redis::Client> client_;
  RedisPartialStoreOptions options_;
};

}  // namespace

std::unique_ptr<PartialStore> make_redis_partial_store(std::shared_ptr<redis::Client> client,
                                                       RedisPartialStoreOptions options) {
  return std::make_unique<RedisPartialStore>(std::move(client), options);
}

}  // namespace tamis::windows
