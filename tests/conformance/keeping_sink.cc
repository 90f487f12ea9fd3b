#include "tests/conformance/keeping_sink.h"

namespace tamis::conformance {
namespace {

class KeepingSink : public sinks::Sink {
 public:
  KeepingSink(std::shared_ptr<Store> store, const sinks::SinkContext& context)
      : store_(std::move(store)), purpose_(context.purpose), task_id_(context.task_id) {}
  void write(std::shared_ptr<const records::DocumentBatch> batch) override {
    store_->write(purpose_, task_id_, *batch);
  }
  void finish() override {}

 private:
  std::shared_ptr<Store> store_;
  sinks::Purpose purpose_;
  std::string task_id_;
};

}  // namespace

void Store::write(sinks::Purpose purpose, const std::string& task_id, const records::DocumentBatch& batch) {
  const std::lock_guard lock(mutex_);
  auto& side = sides_[purpose];
  for (const auto& entry : batch.entries) {
    Written written{task_id, batch.index(entry), std::string(batch.id(entry)), std::string(batch.body(entry)),
                    entry.version};
    auto& held = side.held[{task_id, written.index, written.id}];
    if (held.id.empty() || entry.version < 0 || entry.version >= held.version) held = written;
    side.written.push_back(std::move(written));
  }
}

std::vector<Written> Store::take(sinks::Purpose purpose, std::vector<std::string>& wrong) {
  const std::lock_guard lock(mutex_);
  // Documents of different records may share an id (`id: [fields]`), so their source is part of what tells
  // them apart.
  std::map<std::tuple<std::string, std::string, std::string, std::string>, Written> once;
  for (auto& written : sides_[purpose].written) {
    const auto source = base::Json::parse(written.body).value("source", base::Json()).dump();
    const auto [at, is_new] = once.try_emplace({written.task_id, written.index, written.id, source}, written);
    if (!is_new && (at->second.body != written.body || at->second.version != written.version))
      wrong.push_back("written differently: " + at->second.body + " and " + written.body);
  }
  sides_[purpose].written.clear();
  std::vector<Written> all;
  for (auto& [key, written] : once) all.push_back(std::move(written));
  return all;
}

std::vector<Written> Store::held(sinks::Purpose purpose) const {
  const std::lock_guard lock(mutex_);
  std::vector<Written> all;
  if (const auto side = sides_.find(purpose); side != sides_.end())
    for (const auto& [key, written] : side->second.held) all.push_back(written);
  return all;
}

std::unique_ptr<sinks::Sink> make_keeping_sink(std::shared_ptr<Store> store,
                                               const sinks::SinkContext& context) {
  return std::make_unique<KeepingSink>(std::move(store), context);
}

}  // namespace tamis::conformance
