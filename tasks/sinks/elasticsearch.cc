// `elasticsearch: {index: …}`: documents into indices of Elasticsearch 7, 8, 9 or OpenSearch.
#include <algorithm>

#include "core/base/error.h"
#include "core/base/stop.h"
#include "tasks/sinks/bulk_writer.h"
#include "tasks/sinks/elasticsearch_template.h"
#include "tasks/sinks/sink.h"

namespace tamis::sinks {
namespace {

const base::Keys& keys() {
  static const base::Keys all{
      "elasticsearch sink",
      {{.name = "index",
        .type = base::ValueType::text,
        .summary = "the index; {event_time:%Y.%m.%d} and the like become parts of its name",
        .required = true},
       {.name = "manage_template",
        .type = base::ValueType::boolean,
        .summary = "make the index template, with the mapping, from the fields",
        .default_text = "true"}}};
  return all;
}

void check(const base::Node& parameters, base::Findings& findings) {
  const auto* index = parameters.find("index");
  if (index == nullptr || !index->is_text()) return;
  std::string fixed;  // without the parts in braces
  bool braces = false;
  for (const char c : index->text) {
    if (c == '{') braces = true;
    if (!braces) fixed += c;
    if (c == '}') braces = false;
  }
  const auto wrong = [&](std::string why, std::string hint) {
    findings.error(index->span, "bad_index",
                   fmt::format("\"{}\" is no name of an index: {}", index->text, why), std::move(hint));
  };
  std::string lower = index->text;
  if (std::any_of(fixed.begin(), fixed.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
    bool inside = false;
    for (char& c : lower) {
      if (c == '{') inside = true;
      if (c == '}') inside = false;
      if (!inside && c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    return wrong("capital letters are not allowed", "write \"" + lower + '"');
  }
  if (const size_t at = fixed.find_first_of("\\/*?\"<>|,#: "); at != std::string::npos)
    return wrong(fmt::format("'{}' is not allowed", fixed[at]), "");
  if (index->text.empty() || std::string_view("-_+").find(index->text[0]) != std::string_view::npos ||
      fixed == "." || fixed == "..")
    return wrong("it must begin with a letter, a digit or a dot", "");
  if (index->text.size() > 200) return wrong("it is longer than 200 characters", "");
}

class ElasticsearchSink : public Sink {
 public:
  ElasticsearchSink(const base::Node& parameters, const SinkContext& context)
      : connection_(context.connections.elasticsearch),
        stop_(context.stop),
        nodes_(std::make_shared<ElasticsearchNodes>(connection_)),
        has_template_(!base::boolean_at(parameters, "manage_template", true)),
        template_(make_template(base::text_at(parameters, "index"), context)),
        writer_(connection_, nodes_, context.on_refused, context.stop) {}

  void write(std::shared_ptr<const records::DocumentBatch> batch) override {
    if (batch->entries.empty()) return;
    prepare();
    writer_.write(batch);
  }
  void finish() override { writer_.finish(); }

 private:
  /// The template must be there before the first document makes an index.
  void prepare() {
    if (has_template_) return;
    const auto begin = std::chrono::steady_clock::now();
    const base::Backoff backoff;
    std::mt19937_64 random{std::random_device()()};
    for (int attempt = 1;; ++attempt) {
      try {
        ensure_template(*nodes_, template_, stop_);
        has_template_ = true;
        return;
      } catch (const base::TransientError&) {
        const auto wait = backoff.jittered(attempt, random);
        if (std::chrono::steady_clock::now() + wait - begin > connection_.deadline) throw;
        if (base::wait_for(stop_, wait)) throw;
      }
    }
  }

  const base::ElasticsearchConnection connection_;
  const std::stop_token stop_;
  const std::shared_ptr<ElasticsearchNodes> nodes_;
  bool has_template_;
  const IndexTemplate template_;
  BulkWriter writer_;
};

}  // namespace

SinkKind elasticsearch_sink() {
  return {.name = "elasticsearch",
          .summary = "indices of Elasticsearch 7, 8, 9 or OpenSearch",
          .keys = keys(),
          .target_key = "index",
          .takes_id = true,
          .check = check,
          .make = [](const base::Node& parameters, const SinkContext& context) -> std::unique_ptr<Sink> {
            return std::make_unique<ElasticsearchSink>(parameters, context);
          }};
}

}  // namespace tamis::sinks
