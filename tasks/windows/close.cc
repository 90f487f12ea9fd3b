#include "tasks/windows/close.h"

#include "core/base/error.h"
#include "tasks/windows/merger.h"

namespace tamis::windows {
namespace {

/// A window that changes while it is read is read again; more often than this it is somebody else's turn
/// first.
constexpr int most_readings = 20;

void check_stop(const std::stop_token& stop) {
  if (stop.stop_requested())
    throw base::TransientError("stopped while closing windows: they will be closed again");
}

class Closing {
 public:
  Closing(PartialStore& store, const WindowKey& key, const WindowSpec& spec, const std::string& run_id,
          const WriteDocuments& write, const CloseOptions& options)
      : store_(store), key_(key), run_id_(run_id), write_(write), options_(options), merger_(key, spec) {}

  Closed close() {
    for (const auto start : store_.touched(key_, run_id_)) {
      check_stop(options_.stop);
      close_window(start);
    }
    hand_over();
    return closed_;
  }

 private:
  struct Merged {
    PartialStore::WindowNote note;
    uint64_t incompatible = 0;
  };

  /// Merges the partials that `wanted` takes, after `begin`; both anew until the window could be read in one
  /// piece.
  template <typename Begin, typename Wanted>
  Merged merge(base::Instant start, Begin begin, Wanted wanted) {
    for (int reading = 0; reading < most_readings; ++reading) {
      check_stop(options_.stop);
      Merged merged;
      merger_.begin(start);
      begin();
      const auto note = store_.read(key_, start, run_id_, [&](StoredPartial&& partial) {
        if (wanted(partial) && !merger_.add(partial)) ++merged.incompatible;
      });
      if (!note) continue;
      merged.note = *note;
      return merged;
    }
    throw base::TransientError("a window of \"{}\" that begins at {} changed whenever it was read",
                               key_.window, base::format_rfc3339(start));
  }

  void close_window(base::Instant start) {
    const auto merge_all = [&] {
      return merge(
          start, [] {}, [](const StoredPartial&) { return true; });
    };
    Merged merged = merge_all();
    if (merged.note.compactable > options_.compact_above) {
      compact(start);
      merged = merge_all();
    }
    closed_.incompatible += merged.incompatible;
    if (merger_.groups() == 0) return;
    ++closed_.windows;
    starts_.push_back(start);
    merger_.documents(static_cast<uint32_t>(starts_.size() - 1), merger_.span() + merged.note.retired, batch_,
                      [&] {
                        ++closed_.documents;
                        if (batch_.entries.size() >= options_.batch_documents ||
                            batch_.bytes.size() >= options_.batch_bytes) {
                          hand_over();
                          starts_.push_back(start);
                        }
                        return static_cast<uint32_t>(starts_.size() - 1);
                      });
  }

  void compact(base::Instant start) {
    Compaction compaction;
    const auto begin = [&] { compaction.slices.clear(); };
    const Merged merged = merge(start, begin, [&](const StoredPartial& partial) {
      const bool is_compacted = partial.slice.empty();
      if (partial.compactable) compaction.slices.push_back({partial.slice, partial.span});
      return is_compacted || partial.compactable;
    });
    // What can't be merged by this version of the DAG must stay as it is for another.
    if (merged.incompatible > 0 || !merger_.is_complete()) return;
    compaction.bytes = merger_.encode();
    compaction.span = merger_.span();
    compaction.token = merged.note.token;
    store_.compact(key_, start, compaction);
  }

  void hand_over() {
    if (!batch_.entries.empty()) {
      check_stop(options_.stop);
      write_(std::move(batch_), starts_);
    }
    batch_ = {};
    starts_.clear();
  }

  PartialStore& store_;
  const WindowKey& key_;
  const std::string& run_id_;
  const WriteDocuments& write_;
  const CloseOptions& options_;
  Merger merger_;
  records::DocumentBatch batch_;
  std::vector<base::Instant> starts_;
  Closed closed_;
};

}  // namespace

Closed close_windows(PartialStore& store, const WindowKey& key, const WindowSpec& spec,
                     const std::string& run_id, const WriteDocuments& write, const CloseOptions& options) {
  return Closing(store, key, spec, run_id, write, options).close();
}

}  // namespace tamis::windows
