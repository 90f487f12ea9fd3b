// Any bytes as a record: Clean must neither crash nor disagree with itself when it reads the same record
// again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/records/members.h"
#include "tasks/transforms/clean.h"
#include "tasks/transforms/fields.h"

namespace {

using namespace tamis;

transforms::FieldSpec spec() {
  transforms::FieldSpec out;
  out.fields = {
      {.name = "id", .type = records::Type::keyword, .path = {"id"}, .required = true, .max_length = 8},
      {.name = "v", .type = records::Type::double_, .path = {"site", "v"}, .coerce = true},
      {.name = "n", .type = records::Type::long_, .path = {"n"}, .coerce = true, .null_on_invalid = true},
      {.name = "t", .type = records::Type::timestamp, .path = {"t"}},
      {.name = "d", .type = records::Type::timestamp, .path = {"d"}, .format = "%d %b %Y %I:%M:%S.%f %p %z"}};
  out.keep_unknown = true;
  return out;
}

void check(const transforms::Clean& clean, std::string_view bytes) {
  const auto scratch = clean.make_scratch();
  records::Batch batch;
  batch.input.records.resize(2);
  batch.input.records[0].bytes = batch.input.records[1].bytes = bytes;
  clean.run(batch, *scratch, {});
  if (batch.state[0] != batch.state[1] || batch.unknown[0] != batch.unknown[1]) std::abort();
  std::string out;
  records::append_members(batch.unknown[0], {"id"}, out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const transforms::Clean json(spec(), {}), csv(spec(), {"id", "site.v", "n", "x", "t"});
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(json, bytes);
  check(csv, bytes);
  return 0;
}
