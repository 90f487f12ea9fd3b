#include "tests/conformance/compare.h"

#include <cmath>
#include <set>

namespace tamis::conformance {
namespace {

using base::Json;

bool numbers_equal(const Json& a, const Json& b, const Tolerance& tolerance) {
  if (a.is_number_integer() && b.is_number_integer()) {
    if (a.is_number_unsigned() != b.is_number_unsigned() && (a.get<int64_t>() < 0 || b.get<int64_t>() < 0))
      return a.get<int64_t>() == b.get<int64_t>() &&
             !(a.is_number_unsigned() && a.get<uint64_t>() > INT64_MAX) &&
             !(b.is_number_unsigned() && b.get<uint64_t>() > INT64_MAX);
    return a.get<int64_t>() == b.get<int64_t>();
  }
  const double x = a.get<double>(), y = b.get<double>(), off = std::abs(x - y);
  return off <= tolerance.relative * std::max(std::abs(x), std::abs(y)) || off <= tolerance.absolute;
}

std::string differ(const std::string& path, const Json& expected, const Json& actual,
                   const Tolerance& tolerance) {
  if (expected.is_number() && actual.is_number())
    return numbers_equal(expected, actual, tolerance)
               ? ""
               : path + ": expected " + expected.dump() + ", is " + actual.dump();
  if (expected.type() != actual.type())
    return path + ": expected " + expected.dump() + ", is " + actual.dump();
  if (expected.is_object()) {
    std::set<std::string> keys;
    for (const auto& [key, value] : expected.items()) keys.insert(key);
    for (const auto& [key, value] : actual.items()) keys.insert(key);
    for (const auto& key : keys)
      if (auto what =
              differ(path + "." + key, expected.value(key, Json()), actual.value(key, Json()), tolerance);
          !what.empty())
        return what;
    return "";
  }
  if (expected.is_array()) {
    if (expected.size() != actual.size())
      return path + ": expected " + expected.dump() + ", is " + actual.dump();
    for (size_t i = 0; i < expected.size(); ++i)
      if (auto what = differ(path + "[" + std::to_string(i) + "]", expected[i], actual[i], tolerance);
          !what.empty())
        return what;
    return "";
  }
  return expected == actual ? "" : path + ": expected " + expected.dump() + ", is " + actual.dump();
}

/// Takes what only rejects have, and must have, off.
std::string strip_reject(Json& doc) {
  for (const char* key : {"message", "run_id"}) {
    if (!doc.contains(key) || !doc[key].is_string() || doc[key].get_ref<const std::string&>().empty())
      return std::string("reject without ") + key + ": " + doc.dump();
    doc.erase(key);
  }
  return "";
}

}  // namespace

std::string difference(const Json& expected, const Json& actual, const Tolerances& tolerances) {
  std::set<std::string> keys;
  for (const auto& [key, value] : expected.items()) keys.insert(key);
  for (const auto& [key, value] : actual.items()) keys.insert(key);
  for (const auto& key : keys) {
    const auto found = tolerances.find(key);
    if (auto what = differ(key, expected.value(key, Json()), actual.value(key, Json()),
                           found == tolerances.end() ? Tolerance{} : found->second);
        !what.empty())
      return what;
  }
  return "";
}

void compare_documents(const Json& expected, const std::vector<Written>& actual, bool is_reject,
                       std::vector<std::string>& wrong) {
  std::map<std::string, std::pair<const Written*, Json>> by_id, by_source;
  for (const auto& written : actual) {
    auto body = Json::parse(written.body, nullptr, false);
    if (body.is_discarded()) {
      wrong.push_back("no JSON: " + written.body);
      continue;
    }
    if (is_reject)
      if (auto what = strip_reject(body); !what.empty()) wrong.push_back(what);
    by_source[written.index + " " + body.value("source", Json()).dump()] = {&written, body};
    by_id[written.index + " " + written.id] = {&written, std::move(body)};
  }
  std::map<std::string, std::string> id_of_values, values_of_id;
  for (const auto& document : expected) {
    const auto index = document["_index"].get<std::string>();
    const bool is_derived = document["_id"].is_null();
    const auto key = is_derived ? index + " " + document["doc"]["source"].dump()
                                : index + " " + document["_id"].get<std::string>();
    const auto& known = is_derived ? by_source : by_id;
    const auto found = known.find(key);
    if (found == known.end()) {
      wrong.push_back("missing: " + document.dump());
      continue;
    }
    if (auto what = difference(document["doc"], found->second.second); !what.empty())
      wrong.push_back(key + ": " + what);
    const auto& id = found->second.first->id;
    const auto values = is_derived ? index + " " + document["_id_from"].dump() : key;
    if (id_of_values.try_emplace(values, id).first->second != id) wrong.push_back("two ids for " + values);
    if (values_of_id.try_emplace(index + " " + id, values).first->second != values)
      wrong.push_back("one id for two: " + values);
  }
  if (actual.size() != expected.size())
    wrong.push_back(
        "expected " + std::to_string(expected.size()) + (is_reject ? " rejects" : " documents") +
        ", there are " + std::to_string(actual.size()) +
        (actual.empty() ? "" : ", as " + actual[0].index + " " + actual[0].id + " " + actual[0].body));
}

void compare_windows(const Json& expected, const std::vector<Written>& actual,
                     const std::map<std::string, std::string>& window_of,
                     const std::map<std::string, WindowNote>& notes, std::vector<std::string>& wrong) {
  const auto key_of = [&](const std::string& window, const std::string& index, const Json& doc) {
    std::string key = window + " " + index + " " + doc.value("window_start", "");
    if (const auto note = notes.find(window); note != notes.end())
      for (const auto& field : note->second.group_by) {
        const auto value = doc.value(field, Json());
        // 12 and 12.0 are one value.
        key += " " + (value.is_number_float() && value.get<double>() == std::floor(value.get<double>()) &&
                              std::abs(value.get<double>()) < 1e15
                          ? std::to_string(static_cast<int64_t>(value.get<double>()))
                          : value.dump());
      }
    return key;
  };
  std::map<std::string, Json> by_key;
  for (const auto& written : actual) {
    const auto body = Json::parse(written.body, nullptr, false);
    const auto window = window_of.find(written.task_id);
    if (body.is_discarded() || window == window_of.end()) {
      wrong.push_back("no window: " + written.body);
      continue;
    }
    if (!by_key.try_emplace(key_of(window->second, written.index, body), body).second)
      wrong.push_back("window twice: " + written.body);
  }
  for (const auto& one : expected) {
    const auto window = one["window"].get<std::string>();
    const auto key = key_of(window, one["_index"].get<std::string>(), one["doc"]);
    const auto found = by_key.find(key);
    if (found == by_key.end()) {
      wrong.push_back("window missing: " + one.dump());
      continue;
    }
    Tolerances tolerances;
    if (const auto note = notes.find(window); note != notes.end())
      for (const auto& [name, text] : note->second.aggregates)
        tolerances[name] =
            text.starts_with("stddev") ? Tolerance{1e-6, 1e-6, true} : Tolerance{1e-9, 1e-9, true};
    if (one.contains("_estimates"))
      for (const auto& [name, error] : one["_estimates"].items())
        tolerances[name] = {error.get<double>() + 1e-9, 1e-9, true};
    if (auto what = difference(one["doc"], found->second, tolerances); !what.empty())
      wrong.push_back(key + ": " + what);
  }
  if (actual.size() != expected.size())
    wrong.push_back("expected " + std::to_string(expected.size()) + " windows, there are " +
                    std::to_string(actual.size()));
}

void compare_account(const Json& expected, const Json& actual, std::vector<std::string>& wrong) {
  const std::string slice = expected["slice"].dump();
  for (const auto& [key, value] : expected.items()) {
    const auto mine = actual.value(key, Json());
    if (key == "rejected_by") {
      std::set<std::string> reasons;
      for (const auto& [reason, n] : value.items()) reasons.insert(reason);
      for (const auto& [reason, n] : mine.items()) reasons.insert(reason);
      for (const auto& reason : reasons)
        if (value.value(reason, 0) != mine.value(reason, 0))
          wrong.push_back(slice + " rejected_by." + reason + ": " + value.dump() + " is " + mine.dump());
    } else if (key == "rejects") {
      std::map<std::string, Json> by_source;
      for (auto reject : mine) {
        if (auto what = strip_reject(reject); !what.empty()) wrong.push_back(what);
        by_source[reject.value("source", Json()).dump()] = reject;
      }
      if (mine.size() != value.size())
        wrong.push_back(slice + " kept rejects: " + std::to_string(value.size()) + " expected");
      for (const auto& reject : value)
        if (auto what = difference(reject, by_source[reject["source"].dump()]); !what.empty())
          wrong.push_back(slice + " rejects: " + what);
    } else if (auto what = differ(key, value, mine, {}); !what.empty()) {
      wrong.push_back(slice + " " + what);
    }
  }
  if (!actual.contains("seconds")) wrong.push_back(slice + " has no seconds");
}

}  // namespace tamis::conformance
