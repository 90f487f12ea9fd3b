// `generator: {kind: iot}`: simulated sensors as a source.  Every run takes the next `records` of an endless
// row.
#include <algorithm>

#include "core/base/error.h"
#include "core/base/stop.h"
#include "tasks/sources/generator.h"
#include "tasks/sources/source.h"

namespace tamis::sources {
namespace {

using base::Json;

constexpr int64_t default_slice_records = 250'000;

const base::Keys& keys() {
  static const base::Keys all{"generator source",
                              {{.name = "kind",
                                .type = base::ValueType::text,
                                .summary = "which sensors",
                                .required = true,
                                .one_of = generator_kinds()},
                               {.name = "records",
                                .type = base::ValueType::integer,
                                .summary = "how many a run takes",
                                .min = 0,
                                .max = 1e12,
                                .default_text = "1000"},
                               {.name = "rate",
                                .type = base::ValueType::number,
                                .summary = "records a second, at most, for each slice",
                                .min = 0.001},
                               {.name = "seed",
                                .type = base::ValueType::integer,
                                .summary = "another seed, other records",
                                .min = 0,
                                .default_text = "1"},
                               {.name = "dirty",
                                .type = base::ValueType::number,
                                .summary = "share of records with something wrong",
                                .min = 0,
                                .max = 1,
                                .default_text = "0.05"},
                               {.name = "sensors",
                                .type = base::ValueType::integer,
                                .summary = "how many sensors",
                                .min = 1,
                                .max = 1e9,
                                .default_text = "50"},
                               {.name = "start",
                                .type = base::ValueType::instant,
                                .summary = "event time of the first record",
                                .default_text = "2026-01-01"},
                               {.name = "interval",
                                .type = base::ValueType::duration,
                                .summary = "from one reading of a sensor to its next",
                                .min = 1e-6,
                                .default_text = "60s"},
                               {.name = "slice_records",
                                .type = base::ValueType::integer,
                                .summary = "records of a slice",
                                .min = 1,
                                .max = 1e9,
                                .default_text = "250000"}}};
  return all;
}

class GeneratorReader : public Reader {
 public:
  GeneratorReader(const Generator& generator, std::string kind, int64_t start, int64_t end, int64_t lookback,
                  double rate)
      : generator_(generator),
        kind_(std::move(kind)),
        start_(start),
        end_(end),
        next_(std::max<int64_t>(0, start - lookback)),
        rate_(rate),
        began_(std::chrono::steady_clock::now()) {}

  bool read(records::RecordBatch& batch, size_t max, const std::stop_token& stop) override {
    batch.clear();
    auto text = std::make_shared<std::string>();
    std::vector<size_t> ends;
    const int64_t first = next_;
    for (; next_ < end_ && ends.size() < max; ++next_) {
      generator_.append(next_, *text);
      ends.push_back(text->size());
    }
    if (stop.stop_requested()) throw base::TransientError("generating records was stopped");
    if (ends.empty()) return false;
    if (rate_ > 0 && next_ > start_) {
      const auto due = std::chrono::duration<double>(static_cast<double>(next_ - start_) / rate_);
      const auto passed = std::chrono::steady_clock::now() - began_;
      if (due > passed && base::wait_for(stop, std::chrono::duration_cast<base::Duration>(due - passed)))
        throw base::TransientError("generating records was stopped");
    }
    text->append(records::padding, ' ');
    size_t begin = 0;
    for (size_t i = 0; i < ends.size(); ++i) {
      const int64_t number = first + static_cast<int64_t>(i);
      batch.records.push_back({.bytes = std::string_view(*text).substr(begin, ends[i] - begin),
                               .offset = number,
                               .time = generator_.event_time(number),
                               .is_lookback = number < start_});
      begin = ends[i];
    }
    batch.owner = std::move(text);
    batch.padded = true;
    return true;
  }

  Provenance provenance() const override {
    return {
        .before = "{\"generator\":\"" + kind_ + "\",\"number\":", .id_before = kind_ + "-", .has_time = true};
  }

 private:
  const Generator generator_;
  const std::string kind_;
  const int64_t start_, end_;
  int64_t next_;
  const double rate_;
  const std::chrono::steady_clock::time_point began_;
};

class GeneratorSource : public Source {
 public:
  explicit GeneratorSource(const base::Node& parameters)
      : generator_(options(parameters)),
        slice_records_(
            std::max<int64_t>(1, base::integer_at(parameters, "slice_records", default_slice_records))),
        rate_(base::number_at(parameters, "rate")) {}

  Plan plan(const PlanRequest& request) override {
    int64_t at = request.cursor.is_object() ? request.cursor.value("next", int64_t{0}) : 0;
    const int64_t end = at + generator_.options().records;
    Plan plan;
    while (at < end) {
      const int64_t next = std::min(end, at + slice_records_);
      plan.slices.push_back({{{"kind", generator_.options().kind}, {"start", at}, {"end", next}}});
      at = next;
    }
    plan.cursor = {{"next", end}};
    return plan;
  }

  std::unique_ptr<Reader> open(const records::Slice& slice, int64_t lookback) override {
    const auto& at = slice.position;
    if (!at.is_object() || !at.contains("start") || !at.contains("end"))
      throw base::UserError("a slice of a generator is {{kind, start, end}}, not {}", at.dump());
    return std::make_unique<GeneratorReader>(generator_, generator_.options().kind,
                                             at["start"].get<int64_t>(), at["end"].get<int64_t>(), lookback,
                                             rate_);
  }

 private:
  static GeneratorOptions options(const base::Node& parameters) {
    GeneratorOptions out;
    out.kind = base::text_at(parameters, "kind", out.kind);
    out.records = base::integer_at(parameters, "records", out.records);
    out.seed = static_cast<uint64_t>(base::integer_at(parameters, "seed", 1));
    out.dirty = base::number_at(parameters, "dirty", out.dirty);
    out.sensors = base::integer_at(parameters, "sensors", out.sensors);
    if (const auto* start = parameters.find("start"); start != nullptr && start->is_text())
      if (const auto instant = base::parse_instant(start->text)) out.start = *instant;
    base::Duration interval = std::chrono::seconds(60);
    if (const auto* node = parameters.find("interval"); node != nullptr)
      if (const auto duration = base::parse_duration(node->text)) interval = *duration;
    out.step = std::max(base::Duration(1), interval / std::max<int64_t>(1, out.sensors));
    return out;
  }

  const Generator generator_;
  const int64_t slice_records_;
  const double rate_;
};

}  // namespace

SourceKind generator_source() {
  return {.name = "generator",
          .summary = "simulated sensors of Casablanca, with dirt",
          .keys = keys(),
          .check = [](const base::Node&, base::Findings&) {},
          .make = [](const base::Node& parameters, const SourceContext&) -> std::unique_ptr<Source> {
            return std::make_unique<GeneratorSource>(parameters);
          },
          .has_time = true};
}

}  // namespace tamis::sources
