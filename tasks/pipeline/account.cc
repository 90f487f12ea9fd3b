#include "tasks/pipeline/account.h"

#include <algorithm>

namespace tamis::pipeline {

void Account::count(const records::Batch& batch, bool has_time) {
  const size_t rows = batch.size();
  for (size_t row = 0; row < rows; ++row) {
    if (batch.input.records[row].is_lookback) continue;
    ++read;
    switch (batch.state[row]) {
      case records::RowState::live:
        ++accepted;
        break;
      case records::RowState::filtered:
        ++filtered;
        break;
      case records::RowState::duplicate:
        ++duplicate;
        break;
      case records::RowState::rejected:
        ++rejected;
        break;
    }
    if (batch.passed[row] == 0) continue;
    nulled += batch.nulled[row];
    if (has_time && (!max_event_time || batch.event_time[row] > *max_event_time))
      max_event_time = batch.event_time[row];
  }
  for (const auto& rejection : batch.rejections)
    if (!batch.input.records[rejection.row].is_lookback) ++rejected_by[static_cast<size_t>(rejection.reason)];
}

void Account::refuse() {
  --accepted;
  ++rejected;
  ++rejected_by[static_cast<size_t>(records::Reason::sink_refused)];
}

void Account::add(const Account& other) {
  read += other.read;
  accepted += other.accepted;
  filtered += other.filtered;
  duplicate += other.duplicate;
  rejected += other.rejected;
  nulled += other.nulled;
  documents += other.documents;
  windows += other.windows;
  holes += other.holes;
  for (size_t i = 0; i < rejected_by.size(); ++i) rejected_by[i] += other.rejected_by[i];
  if (other.max_event_time && (!max_event_time || *other.max_event_time > *max_event_time))
    max_event_time = other.max_event_time;
  for (const auto& range : other.lost) lost.push_back(range);
  seconds += other.seconds;
}

base::Json Account::json() const {
  base::Json by = base::Json::object();
  for (size_t i = 0; i < rejected_by.size(); ++i)
    if (rejected_by[i] != 0)
      by[std::string(records::reason_name(static_cast<records::Reason>(i)))] = rejected_by[i];
  base::Json json = {{"read", read},           {"accepted", accepted},   {"filtered", filtered},
                     {"duplicate", duplicate}, {"rejected", rejected},   {"rejected_by", by},
                     {"nulled", nulled},       {"documents", documents}, {"windows", windows},
                     {"holes", holes}};
  json["max_event_time"] =
      max_event_time ? base::Json(base::format_rfc3339(*max_event_time)) : base::Json(nullptr);
  if (!lost.empty()) json["lost"] = lost;
  json["seconds"] = seconds;
  return json;
}

Account Account::from_json(const base::Json& json) {
  Account account;
  if (!json.is_object()) return account;
  const auto number = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_number_integer() ? found->get<int64_t>() : int64_t{0};
  };
  account.read = number("read");
  account.accepted = number("accepted");
  account.filtered = number("filtered");
  account.duplicate = number("duplicate");
  account.rejected = number("rejected");
  account.nulled = number("nulled");
  account.documents = number("documents");
  account.windows = number("windows");
  account.holes = number("holes");
  if (const auto by = json.find("rejected_by"); by != json.end() && by->is_object())
    for (size_t i = 0; i < account.rejected_by.size(); ++i)
      if (const auto found = by->find(records::reason_name(static_cast<records::Reason>(i)));
          found != by->end() && found->is_number_integer())
        account.rejected_by[i] = found->get<int64_t>();
  if (const auto time = json.find("max_event_time"); time != json.end() && time->is_string())
    account.max_event_time = base::parse_rfc3339(time->get_ref<const std::string&>());
  if (const auto lost = json.find("lost"); lost != json.end() && lost->is_array()) account.lost = *lost;
  if (const auto seconds = json.find("seconds"); seconds != json.end() && seconds->is_number())
    account.seconds = seconds->get<double>();
  return account;
}

Account sum(std::span<const base::Json> results) {
  Account total;
  for (const auto& result : results)
    if (result.is_object() && result.contains("read")) total.add(Account::from_json(result));
  return total;
}

}  // namespace tamis::pipeline
