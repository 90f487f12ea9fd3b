// A command of `tamis` as data: its words, what it takes, examples, and what it does.  One table
// (commands/all.h) serves the parser, the help at every level and shell completion.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client.h"
#include "core/base/time.h"

namespace tamis::cli {

/// Exit codes, the same for every command.
enum Exit { ok = 0, failed = 1, usage = 2, not_found = 3, conflict = 4, unreachable = 5 };

struct Option {
  std::string name;   ///< with underscores; dashes are taken too
  char letter = 0;    ///< `-o`, or none
  std::string value;  ///< what stands for the value in help, `N`; empty: a switch
  std::string summary;
  std::vector<std::string> one_of;
};

/// An argument by place; `letter` and its name as a flag are taken too, as Airflow's command line changed its
/// mind about them.
struct Positional {
  std::string name;  ///< `dag_id`
  char letter = 0;
  bool required = true;
  bool many = false;  ///< all that follow
};

class Invocation;

struct Command {
  std::string noun, verb;  ///< the verb is empty for commands of one word
  std::string summary;
  std::vector<Positional> positionals;
  std::vector<Option> options;
  std::vector<std::string> examples;
  std::string notes;         ///< more for its help
  bool prints_rows = false;  ///< takes -o and --columns
  std::function<int(Invocation&)> run;

  std::string words() const { return verb.empty() ? noun : noun + " " + verb; }
};

/// A command with what was typed.
class Invocation {
 public:
  Invocation(const Command& which, std::ostream& output, std::ostream& errors)
      : command(which), out(output), err(errors) {}
  const Command& command;
  std::ostream& out;
  std::ostream& err;
  std::map<std::string, std::vector<std::string>> values;  ///< by positional's or option's name

  bool has(std::string_view name) const { return values.contains(std::string(name)); }
  std::string text(std::string_view name, std::string fallback = "") const;
  const std::vector<std::string>& all(std::string_view name) const;
  /// Throw UserError, naming the option, when the value is none.
  int64_t integer(std::string_view name, int64_t fallback, int64_t min, int64_t max) const;
  double number(std::string_view name, double fallback, double min, double max) const;
  base::Duration duration(std::string_view name, base::Duration fallback) const;
  std::optional<base::Instant> instant(std::string_view name) const;

  /// The api, as --server says.
  Client& api();

 private:
  std::unique_ptr<Client> api_;
};

/// All commands, in the order of the help.
const std::vector<Command>& commands();

}  // namespace tamis::cli
