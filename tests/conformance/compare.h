// Whether results are those that a case expects: numbers within their tolerances, null like missing, order of
// no account.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "tests/conformance/keeping_sink.h"

namespace tamis::conformance {

/// How far a member may be off: relative and absolute.
struct Tolerance {
  double relative = 1e-9, absolute = 0;
  bool is_either = false;  ///< one of the two is enough alone (else their sum counts)
};
using Tolerances = std::map<std::string, Tolerance>;

/// Empty when equal; else what differs.  `tolerances` are by top-level member.
std::string difference(const base::Json& expected, const base::Json& actual,
                       const Tolerances& tolerances = {});

/// Clean records and rejects: by index and id; where the expected id is null by index and `source`, and then
/// ids must be equal where `_id_from` is.  `is_reject`: have `message` and `run_id`, not compared.
void compare_documents(const base::Json& expected, const std::vector<Written>& actual, bool is_reject,
                       std::vector<std::string>& wrong);

/// What a DAG file says about one of its windows.
struct WindowNote {
  std::vector<std::string> group_by;
  std::map<std::string, std::string> aggregates;
};
/// Windows: by index, start and group.  `window_of`: the window that a close_windows task writes.
void compare_windows(const base::Json& expected, const std::vector<Written>& actual,
                     const std::map<std::string, std::string>& window_of,
                     const std::map<std::string, WindowNote>& notes, std::vector<std::string>& wrong);

/// The account of one slice.
void compare_account(const base::Json& expected, const base::Json& actual, std::vector<std::string>& wrong);

}  // namespace tamis::conformance
