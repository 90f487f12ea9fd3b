#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "tasks/windows/entry.h"
#include "tasks/windows/partial_store.h"
#include "tasks/windows/slice_order.h"

namespace tamis::windows {

std::vector<StoredPartial> PartialStore::partials(const WindowKey& key, base::Instant start,
                                                  const std::string& run_id) {
  for (;;) {
    std::vector<StoredPartial> all;
    if (read(key, start, run_id, [&](StoredPartial&& partial) { all.push_back(std::move(partial)); }))
      return all;
  }
}

namespace {

using Text = std::shared_ptr<const std::string>;

struct SliceBefore {
  bool operator()(const std::string& a, const std::string& b) const { return slice_before(a, b); }
};

struct Window {
  std::map<std::string, Text, SliceBefore> slices;
  Text compacted;
  int64_t retired = 0;
  uint64_t changes = 0;
};

struct Windows {
  std::map<base::Instant, Window> by_start;
  std::map<std::string, std::set<base::Instant>> written;  ///< by slice
  std::map<std::string, std::set<base::Instant>> touched;  ///< by run
};

class MemoryPartialStore : public PartialStore {
 public:
  void put(const WindowKey& key, const std::string& run_id, const records::Slice& slice,
           const std::vector<Partial>& partials) override {
    const std::lock_guard lock(mutex_);
    Windows& windows = of(key);
    const std::string name = slice.name();
    std::set<base::Instant> starts;
    for (const auto& partial : partials) starts.insert(partial.start);
    take_away(windows, run_id, name, starts);
    for (const auto& partial : partials)
      set(windows.by_start[partial.start], name,
          std::make_shared<std::string>(slice_entry(slice, run_id, partial.bytes)));
    if (!starts.empty()) {
      windows.touched[run_id].insert(starts.begin(), starts.end());
      windows.written[name] = std::move(starts);
    }
  }

  void drop(const WindowKey& key, const std::string& run_id,
            const std::vector<std::string>& slices) override {
    const std::lock_guard lock(mutex_);
    for (const auto& slice : slices) take_away(of(key), run_id, slice, {});
  }

  std::vector<base::Instant> touched(const WindowKey& key, const std::string& run_id) override {
    const std::lock_guard lock(mutex_);
    const auto& starts = of(key).touched[run_id];
    return {starts.begin(), starts.end()};
  }

  std::optional<WindowNote> read(const WindowKey& key, base::Instant start, const std::string& run_id,
                                 const std::function<void(StoredPartial&&)>& visit) override {
    Window window;
    {
      const std::lock_guard lock(mutex_);
      const auto& all = of(key).by_start;
      if (const auto found = all.find(start); found != all.end()) window = found->second;
    }
    WindowNote note{0, 0, window.retired, window.changes};
    Coverage coverage;
    if (window.compacted) {
      const Entry entry = parse_entry(*window.compacted);
      coverage = Coverage::parse(entry.coverage);
      ++note.partials;
      visit({"", entry.span, std::string(entry.bytes), false});
    }
    const std::string run = run_mark(run_id);
    for (const auto& [slice, text] : window.slices) {
      const Entry entry = parse_entry(*text);
      if (coverage.holds(slice, entry.span)) continue;
      const bool compactable = entry.is_immutable && entry.run != run;
      ++note.partials;
      note.compactable += compactable;
      visit({slice, entry.span, std::string(entry.bytes), compactable});
    }
    return note;
  }

  bool compact(const WindowKey& key, base::Instant start, const Compaction& compaction) override {
    const std::lock_guard lock(mutex_);
    auto& all = of(key).by_start;
    const auto found = all.find(start);
    if (found == all.end() || found->second.changes != compaction.token) return false;
    Window& window = found->second;
    Coverage coverage;
    if (window.compacted) coverage = Coverage::parse(parse_entry(*window.compacted).coverage);
    for (const auto& slice : compaction.slices) {
      coverage.add(slice.name, slice.span);
      window.slices.erase(slice.name);
    }
    window.compacted =
        std::make_shared<std::string>(compacted_entry(compaction.span, coverage, compaction.bytes));
    ++window.changes;
    return true;
  }

  void forget(const WindowKey& key, base::Duration size, std::optional<base::Instant> before) override {
    if (!before) return;
    const std::lock_guard lock(mutex_);
    Windows& windows = of(key);
    const auto is_over = [&](base::Instant start) { return start + size <= *before; };
    std::erase_if(windows.by_start, [&](const auto& entry) { return is_over(entry.first); });
    std::erase_if(windows.written, [&](const auto& entry) { return is_over(*entry.second.rbegin()); });
    std::erase_if(windows.touched,
                  [&](const auto& entry) { return entry.second.empty() || is_over(*entry.second.rbegin()); });
  }

 private:
  Windows& of(const WindowKey& key) { return windows_[{key.dag_id, key.task_id, key.window}]; }

  static void set(Window& window, const std::string& slice, Text text) {
    const auto found = window.slices.find(slice);
    const int64_t before = found == window.slices.end() ? 0 : parse_entry(*found->second).span;
    const int64_t now = text ? parse_entry(*text).span : 0;
    window.retired += std::max<int64_t>(before - now, 0);
    if (text)
      window.slices[slice] = std::move(text);
    else
      window.slices.erase(slice);
    ++window.changes;
  }

  /// Removes what a slice wrote to windows other than `kept`.
  static void take_away(Windows& windows, const std::string& run_id, const std::string& slice,
                        const std::set<base::Instant>& kept) {
    const auto found = windows.written.find(slice);
    if (found == windows.written.end()) return;
    for (const auto start : found->second) {
      if (kept.count(start) != 0) continue;
      windows.touched[run_id].insert(start);
      if (const auto window = windows.by_start.find(start); window != windows.by_start.end())
        set(window->second, slice, nullptr);
    }
    windows.written.erase(found);
  }

  std::mutex mutex_;
  std::map<std::array<std::string, 3>, Windows> windows_;
};

}  // namespace

std::unique_ptr<PartialStore> make_memory_partial_store() {
  return std::make_unique<MemoryPartialStore>();
}

}  // namespace tamis::windows
