#include "cli/account.h"

#include <algorithm>

#include "cli/output.h"
#include "core/workflow/report.h"

namespace tamis::cli {
namespace {

using base::Json;

const std::vector<std::string> columns{"task",      "slices",   "read",      "accepted", "filtered",
                                       "duplicate", "rejected", "documents", "windows",  "seconds"};

Json row_of(const std::string& name, const std::string& slices, const Json& account) {
  Json row = {{"task", name}, {"slices", slices}};
  for (size_t i = 2; i < columns.size(); ++i) {
    const auto& column = columns[i];
    Json value;
    if (account.is_object() && account.contains(column)) value = account[column];
    if (value.is_number_float())
      value = static_cast<double>(static_cast<int64_t>(value.get<double>() * 100 + 0.5)) / 100;
    row[column] = value;
  }
  return row;
}

/// `1,204 missing_field, 1,100 wrong_type`, the most frequent first.
std::string reasons(const Json& account) {
  if (!account.is_object() || !account.contains("rejected_by")) return "";
  std::vector<std::pair<int64_t, std::string>> counted;
  for (const auto& [reason, n] : account["rejected_by"].items())
    counted.emplace_back(n.get<int64_t>(), reason);
  std::sort(counted.begin(), counted.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::string text;
  for (const auto& [n, reason] : counted) text += (text.empty() ? "" : ", ") + group_digits(n) + " " + reason;
  return text;
}

}  // namespace

void print_account(Invocation& invocation, const Json& report) {
  Json rows = Json::array(), sum;
  int64_t done = 0, total = 0;
  for (const auto& task : report.at("tasks")) {
    rows.push_back(row_of(task.value("task_id", ""),
                          fmt::format("{}/{}", task.value("done", 0), task.value("total", 0)),
                          task["account"]));
    workflow::add_account(sum, task["account"]);
    done += task.value("done", 0);
    total += task.value("total", 0);
  }
  rows.push_back(row_of("sum", fmt::format("{}/{}", done, total), sum));
  auto& out = invocation.out;
  out << format_table(rows, columns, true);
  const Json& records = report["total"];
  if (const auto why = reasons(records); !why.empty()) out << "rejected: " << why << "\n";
  if (records.is_object() && records.value("nulled", 0) > 0)
    out << "nulled: " << group_digits(records["nulled"].get<int64_t>()) << " values\n";
  if (records.is_object() && records.contains("lost")) out << "lost: " << records["lost"].dump() << "\n";
  if (!records.is_object()) {
    out << "no task has an account yet\n";
  } else if (report.value("is_balanced", false)) {
    const auto n = [&](const char* key) { return group_digits(records.value(key, int64_t{0})); };
    out << fmt::format(
        "read {} = accepted {} + filtered {} + duplicate {} + rejected {}: every record is in one place\n",
        n("read"), n("accepted"), n("filtered"), n("duplicate"), n("rejected"));
  } else {
    out << "the account does NOT add up: read differs from accepted + filtered + duplicate + rejected\n";
  }
}

}  // namespace tamis::cli
