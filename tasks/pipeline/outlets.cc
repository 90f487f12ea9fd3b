#include "tasks/pipeline/outlets.h"

#include "core/base/error.h"

namespace tamis::pipeline {
namespace {

constexpr size_t refused_batch_max = 500;

std::string refusal(const sinks::SinkKind& kind, const records::DocumentBatch& batch,
                    const records::DocumentBatch::Entry& entry, const std::string& message) {
  return fmt::format("the {} sink of the rejects refused document \"{}\" for \"{}\": {}", kind.name,
                     batch.id(entry), batch.index(entry), message);
}

}  // namespace

Outlets::Outlets(const EtlSpec& spec, const SliceRun& run, const Context& context,
                 const sources::Provenance& provenance)
    : spec_(spec),
      reject_builder_(provenance, run.dag_id, run.run_id, run.task_id),
      on_stop_(context.stop, [this] { stop_.request_stop(); }),
      refused_(std::make_shared<records::DocumentBatch>()) {
  sinks::SinkContext sink_context;
  sink_context.connections = context.connections;
  sink_context.folder = run.folder;
  sink_context.dag_id = run.dag_id;
  sink_context.run_id = run.run_id;
  sink_context.task_id = run.task_id;
  sink_context.slice = run.slice.name();
  sink_context.stop = stop_.get_token();
  const auto open = [&](const SinkSpec& sink) {
    return std::make_unique<SinkThread>(
        [&] {
          return context.make_sink ? context.make_sink(sink.kind->name, sink.parameters, sink_context)
                                   : sink.kind->make(sink.parameters, sink_context);
        },
        stop_.get_token());
  };
  sink_context.purpose = sinks::Purpose::rejects;
  sink_context.layout = rejects_layout();
  for (const auto& sink : spec.rejects) {
    // Sinks call from threads of their own, where nothing may be thrown.
    sink_context.on_refused = [this, kind = sink.kind](const auto& batch, const auto& entry,
                                                       const std::string& message) {
      fail(std::make_exception_ptr(base::UserError(refusal(*kind, batch, entry, message))));
    };
    rejects_.push_back(open(sink));
  }
  sink_context.purpose = sinks::Purpose::documents;
  sink_context.layout = spec.layout;
  sink_context.unknown_fields = spec.fields.keep_unknown;
  sink_context.on_refused = [this](const auto& batch, const auto& entry, const std::string& message) {
    refuse(batch, entry, message);
  };
  for (const auto& sink : spec.sinks) {
    builders_.emplace_back(spec, sink, provenance);
    sinks_.push_back(open(sink));
  }
}

Outlets::~Outlets() {
  // Whatever is under way was not asked to be finished.
  stop_.request_stop();
  sinks_.clear();
  rejects_.clear();
}

Outgoing Outlets::build(const std::shared_ptr<records::Batch>& batch) {
  Outgoing outgoing;
  for (const auto& builder : builders_) {
    auto documents = pool_.take();
    builder.build(*batch, *documents);
    documents->origin = batch;
    outgoing.documents.push_back(std::move(documents));
  }
  if (batch->rejections.empty()) return outgoing;
  for (const auto& sink : spec_.rejects) {
    auto rejects = pool_.take();
    rejects->indices.push_back(sink.target.at({}));
    for (const auto& rejection : batch->rejections)
      if (const auto& record = batch->input.records[rejection.row]; !record.is_lookback)
        reject_builder_.add(record, rejection, *rejects);
    outgoing.rejects.push_back(std::move(rejects));
  }
  return outgoing;
}

void Outlets::write(const records::Batch& batch, Outgoing outgoing) {
  throw_failure();
  for (size_t i = 0; i < outgoing.rejects.size(); ++i)
    if (!outgoing.rejects[i]->entries.empty()) rejects_[i]->write(std::move(outgoing.rejects[i]));
  for (const auto& rejection : batch.rejections) {
    if (kept_.size() >= kept_max) break;
    const auto& record = batch.input.records[rejection.row];
    if (!record.is_lookback) kept_.push_back(reject_builder_.kept(record, rejection));
  }
  for (size_t i = 0; i < outgoing.documents.size(); ++i) {
    written_ += static_cast<int64_t>(outgoing.documents[i]->entries.size());
    if (!outgoing.documents[i]->entries.empty()) sinks_[i]->write(std::move(outgoing.documents[i]));
  }
}

void Outlets::refuse(const records::DocumentBatch& batch, const records::DocumentBatch::Entry& entry,
                     const std::string& message) {
  const std::lock_guard lock(refused_mutex_);
  ++refused_documents_;
  if (!refused_rows_.insert(batch.origin->sequence << 32 | entry.row).second) return;
  const records::Rejection rejection{entry.row, records::Reason::sink_refused, "", message};
  const auto& record = batch.origin->input.records[entry.row];
  if (kept_refused_.size() < kept_max) kept_refused_.push_back(reject_builder_.kept(record, rejection));
  if (rejects_.empty()) return;
  reject_builder_.add(record, rejection, *refused_);
  if (refused_->entries.size() < refused_batch_max && refused_->bytes.size() < (4u << 20)) return;
  try {
    flush_refused();
  } catch (...) {
    fail(std::current_exception());
  }
}

void Outlets::fail(std::exception_ptr failure) {
  const std::lock_guard lock(failure_mutex_);
  if (failure_ == nullptr) failure_ = std::move(failure);
}

void Outlets::throw_failure() {
  const std::lock_guard lock(failure_mutex_);
  if (failure_ != nullptr) std::rethrow_exception(failure_);
}

void Outlets::flush_refused() {
  for (size_t i = 0; i < rejects_.size(); ++i) {
    auto copy = std::make_shared<records::DocumentBatch>(*refused_);
    copy->indices = {spec_.rejects[i].target.at({})};
    rejects_[i]->write(std::move(copy));
  }
  refused_->clear();
}

void Outlets::finish(Account& account) {
  for (const auto& sink : sinks_) sink->finish();
  {
    const std::lock_guard lock(refused_mutex_);
    if (!refused_->entries.empty()) flush_refused();
    for (size_t i = 0; i < refused_rows_.size(); ++i) account.refuse();
    account.documents = written_ - refused_documents_;
    for (auto& reject : kept_refused_)
      if (kept_.size() < kept_max) kept_.push_back(std::move(reject));
  }
  for (const auto& sink : rejects_) sink->finish();
  throw_failure();
}

}  // namespace tamis::pipeline
