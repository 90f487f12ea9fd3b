#include "tasks/pipeline/run.h"

#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/parallel_pipeline.h>

#include <chrono>

#include "core/base/error.h"
#include "tasks/pipeline/account.h"
#include "tasks/pipeline/outlets.h"
#include "tasks/transforms/clean.h"

namespace tamis::pipeline {
namespace {

namespace tbb = oneapi::tbb;
using Clock = std::chrono::steady_clock;

/// A batch on its way through the stages.
struct Item {
  std::shared_ptr<records::Batch> batch;
  Outgoing outgoing;
  Account account;
};
using Moved = std::shared_ptr<Item>;
using Stage = tbb::filter<Moved, Moved>;

/// One slice under way.
class Run {
 public:
  Run(const EtlSpec& spec, const SliceRun& run, const Context& context)
      : spec_(spec),
        run_(run),
        context_(context),
        source_(make_source()),
        reader_(source_->open(run.slice, spec.lookback)),
        provenance_(reader_->provenance()),
        clean_(spec.fields, reader_->csv_header()),
        lateness_{run.watermark},
        windows_(spec.windows, spec.layout),
        outlets_(spec, run, context, provenance_) {
    for (const auto& transform : spec.transforms) states_.push_back(transform->make_state());
  }

  base::Json go() {
    const auto began = Clock::now();
    context_.log(fmt::format("reading slice {} of task \"{}\"", run_.slice.name(), run_.task_id));
    tbb::task_group_context group(tbb::task_group_context::isolated);
    tbb::parallel_pipeline(std::max<size_t>(1, context_.batches_in_flight),
                           read_stage() & work_stages() & last_stage(), group);
    outlets_.finish(account_);
    const auto report = reader_->report();
    account_.holes = report.holes;
    account_.lost = report.lost;
    account_.windows = static_cast<int64_t>(windows_.groups());
    if (!account_.adds_up())
      throw base::Error(
          "the account of slice {} does not add up: read {}, accepted {}, filtered {}, duplicate {}, "
          "rejected {}",
          run_.slice.name(), account_.read, account_.accepted, account_.filtered, account_.duplicate,
          account_.rejected);
    store_partials();
    account_.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    return result();
  }

 private:
  std::unique_ptr<sources::Source> make_source() {
    const sources::SourceContext source_context{context_.connections, run_.folder};
    return context_.make_source
               ? context_.make_source(spec_.source->name, spec_.source_parameters, source_context)
               : spec_.source->make(spec_.source_parameters, source_context);
  }

  tbb::filter<void, Moved> read_stage() {
    return tbb::make_filter<void, Moved>(
        tbb::filter_mode::serial_in_order, [this](tbb::flow_control& control) -> Moved {
          if (context_.stop.stop_requested())
            throw base::TransientError("stopped after {} records", records_read_);
          auto batch = batches_.take();
          if (!reader_->read(batch->input, std::max<size_t>(1, context_.batch_records), context_.stop)) {
            control.stop();
            return nullptr;
          }
          batch->sequence = sequence_++;
          if (batch->columns.size() < spec_.columns) batch->columns.resize(spec_.columns);
          show_progress(batch->input);
          auto item = std::make_shared<Item>();
          item->batch = std::move(batch);
          return item;
        });
  }

  /// Cleaning and the transforms before the first ordered one in parallel, that one in order, and so on; then
  /// documents in parallel.
  Stage work_stages() {
    Stage stages = tbb::make_filter<Moved, Moved>(tbb::filter_mode::parallel, [this](Moved item) {
      auto& scratch = scratches_.local();
      if (!scratch) scratch = clean_.make_scratch();
      clean_.run(*item->batch, *scratch, lateness_);
      return item;
    });
    const auto parallel = [&](size_t from, size_t to) {
      stages =
          stages & tbb::make_filter<Moved, Moved>(tbb::filter_mode::parallel, [this, from, to](Moved item) {
            for (size_t i = from; i < to; ++i) spec_.transforms[i]->run(*item->batch, nullptr);
            if (to < spec_.transforms.size()) spec_.transforms[to]->prepare(*item->batch);
            return item;
          });
    };
    size_t from = 0;
    for (size_t i = 0; i < spec_.transforms.size(); ++i) {
      if (!spec_.transforms[i]->is_ordered()) continue;
      parallel(from, i);
      stages =
          stages & tbb::make_filter<Moved, Moved>(tbb::filter_mode::serial_in_order, [this, i](Moved item) {
            spec_.transforms[i]->run(*item->batch, states_[i].get());
            return item;
          });
      from = i + 1;
    }
    parallel(from, spec_.transforms.size());
    return stages & tbb::make_filter<Moved, Moved>(tbb::filter_mode::parallel, [this](Moved item) {
             item->outgoing = outlets_.build(item->batch);
             item->account.count(*item->batch, spec_.has_time);
             return item;
           });
  }

  tbb::filter<Moved, void> last_stage() {
    return tbb::make_filter<Moved, void>(tbb::filter_mode::serial_in_order, [this](const Moved& item) {
      if (!spec_.windows.empty()) windows_.add(*item->batch);
      account_.add(item->account);
      outlets_.write(*item->batch, std::move(item->outgoing));
    });
  }

  void show_progress(const records::RecordBatch& batch) {
    records_read_ += static_cast<int64_t>(batch.records.size());
    const auto now = Clock::now();
    if (!context_.progress || now - shown_at_ < std::chrono::milliseconds(250)) return;
    shown_at_ = now;
    const int64_t begin = run_.slice.position.value("start", int64_t{0});
    const int64_t done =
        batch.records.empty() ? 0 : std::max<int64_t>(0, batch.records.back().offset + 1 - begin);
    context_.progress({{"read", records_read_}, {"done", done}, {"of", run_.slice.span()}});
  }

  /// Also windows that got nothing, so that a repetition takes back what an earlier try put there.
  void store_partials() {
    if (spec_.windows.empty()) return;
    if (!context_.partials) throw base::Error("there is no store for the partials of windows");
    for (size_t i = 0; i < spec_.windows.size(); ++i)
      context_.partials->put({run_.dag_id, run_.task_id, spec_.windows[i].name}, run_.run_id, run_.slice,
                             windows_.finish(i));
  }

  base::Json result() {
    base::Json json = {{"slice", run_.slice.shown()}};
    json.update(account_.json());
    if (spec_.rejects.empty() && !outlets_.kept().empty()) json["rejects"] = outlets_.kept();
    context_.log(fmt::format(
        "read {}: accepted {}, filtered {}, duplicate {}, rejected {}; {} documents, {} windows in {:.2f} s",
        account_.read, account_.accepted, account_.filtered, account_.duplicate, account_.rejected,
        account_.documents, account_.windows, account_.seconds));
    if (account_.holes > 0) context_.log(fmt::format("{} offsets hold no record", account_.holes));
    if (!account_.lost.empty()) context_.log("lost to retention: " + account_.lost.dump());
    size_t shown = 0;
    for (const auto& reject : outlets_.kept()) {
      if (++shown > 5) break;
      context_.log(fmt::format("rejected {}: {}: {}", reject["source"].dump(),
                               reject["reason"].get_ref<const std::string&>(),
                               reject["message"].get_ref<const std::string&>()));
    }
    return json;
  }

  const EtlSpec& spec_;
  const SliceRun& run_;
  const Context& context_;
  Pool<records::Batch> batches_;
  std::unique_ptr<sources::Source> source_;
  std::unique_ptr<sources::Reader> reader_;
  sources::Provenance provenance_;
  transforms::Clean clean_;
  transforms::Lateness lateness_;
  std::vector<std::unique_ptr<transforms::Transform::State>> states_;
  windows::WindowSet windows_;
  tbb::enumerable_thread_specific<std::shared_ptr<transforms::Clean::Scratch>> scratches_;
  Account account_;
  uint64_t sequence_ = 0;
  int64_t records_read_ = 0;
  Clock::time_point shown_at_{};
  Outlets outlets_;  // last: its sinks hold batches whose bytes the reader keeps
};

}  // namespace

base::Json run_slice(const EtlSpec& spec, const SliceRun& run, const Context& context) {
  if (spec.source == nullptr) throw base::UserError("task \"{}\" has no source", run.task_id);
  Context complete = context;
  if (!complete.log) complete.log = [](const std::string&) {};
  return Run(spec, run, complete).go();
}

}  // namespace tamis::pipeline
