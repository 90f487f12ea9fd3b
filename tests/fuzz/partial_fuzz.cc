// Any bytes as a stored partial and as a stored entry: an Error or groups that can be written, never anything
// else.
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "tasks/windows/entry.h"
#include "tasks/windows/merger.h"

namespace {

using namespace tamis;
using records::Type;
using windows::Function;

/// As the corpus' partials were made: all kinds of states.
windows::WindowSpec spec() {
  windows::WindowSpec out{"w",
                          std::chrono::seconds(10),
                          std::chrono::seconds(10),
                          {"g", "b", "v"},
                          {Type::keyword, Type::boolean, Type::double_},
                          {}};
  out.aggregates = {{"c", Function::count, ""},
                    {"s", Function::sum, "n", Type::long_, Type::long_},
                    {"a", Function::avg, "v", Type::double_, Type::double_},
                    {"x", Function::max, "s", Type::keyword, Type::keyword},
                    {"f", Function::first, "s", Type::keyword, Type::keyword},
                    {"l", Function::last, "t", Type::timestamp, Type::timestamp},
                    {"d", Function::distinct, "n", Type::long_, Type::long_},
                    {"p", Function::p95, "n", Type::long_, Type::double_},
                    {"sd", Function::stddev, "n", Type::long_, Type::double_},
                    {"m", Function::min, "t", Type::timestamp, Type::timestamp}};
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static windows::Merger merger({"dag", "task", "w"}, spec());
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  try {
    merger.begin({});
    merger.add({"t-0-0", 1, bytes, false});
    records::DocumentBatch batch;
    merger.documents(0, 0, batch, [] { return 0u; });
    merger.encode();
  } catch (const base::Error&) {
  }
  try {
    const auto entry = windows::parse_entry(bytes);
    if (entry.is_compacted) windows::Coverage::parse(entry.coverage);
  } catch (const base::Error&) {
  }
  return 0;
}
