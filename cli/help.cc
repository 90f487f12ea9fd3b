#include "cli/help.h"

#include <algorithm>
#include <map>

#include "cli/output.h"
#include "core/base/settings.h"

namespace tamis::cli {
namespace {

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

void two_columns(std::ostream& out, const std::vector<std::pair<std::string, std::string>>& lines) {
  size_t width = 0;
  for (const auto& [left, right] : lines) width = std::max(width, left.size());
  for (const auto& [left, right] : lines)
    out << "  " << left << std::string(width - left.size() + 2, ' ') << right << "\n";
}

void print_commands(const std::string& noun, std::ostream& out) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto& command : commands())
    if (command.noun == noun) lines.emplace_back(command.words(), command.summary);
  two_columns(out, lines);
}

}  // namespace

std::vector<Option> all_options(const Command& command) {
  auto options = command.options;
  if (command.prints_rows) options.insert(options.end(), row_options().begin(), row_options().end());
  return options;
}

std::string usage_line(const Command& command) {
  std::string line = "tamis " + command.words();
  for (const auto& positional : command.positionals) {
    const std::string word = upper(positional.name) + (positional.many ? "…" : "");
    line += positional.required ? " " + word : " [" + word + "]";
  }
  if (!all_options(command).empty()) line += " [OPTIONS]";
  return line;
}

void print_help(std::ostream& out) {
  out << "tamis: distributed ETL. DAG files say what to read, clean, aggregate and index; workers do it.\n\n"
         "usage: tamis NOUN VERB [ARGUMENTS] [OPTIONS]\n\n"
         "A first minute, without any server:\n"
         "  tamis dags validate my.yaml              every mistake, with its place\n"
         "  tamis dags test my.yaml                  run it here and see what comes out\n"
         "Everything on this machine:\n"
         "  tamis standalone --dags=dags --detach    Redis, scheduler, workers and api\n"
         "  tamis dags trigger my_dag --wait         run it and watch\n"
         "  tamis dags report my_dag latest          where every record went\n";
  // Nouns of many verbs stand by themselves, the others together.
  std::vector<std::pair<std::string, std::string>> lines;
  std::map<std::string, int> verbs;
  for (const auto& command : commands()) ++verbs[command.noun];
  std::string noun;
  for (const auto& command : commands()) {
    const bool stands_alone = verbs[command.noun] > 2 || (!noun.empty() && verbs[noun] > 2);
    if (command.noun != noun && stands_alone) lines.emplace_back("", "");
    noun = command.noun;
    lines.emplace_back(command.words(), command.summary);
  }
  two_columns(out, lines);
  out << "\n`tamis NOUN VERB --help` shows arguments, options and examples.\n"
         "Settings (--server, --redis, …) are flags, TAMIS_… variables, or lines of a --config file; `tamis "
         "config list` shows\n"
         "them. Exit codes: 0 done, 1 failed, 2 wrong use, 3 not found, 4 conflict, 5 server not "
         "reachable.\n";
}

void print_noun_help(const std::string& noun, std::ostream& out) {
  out << "usage: tamis " << noun << " VERB [ARGUMENTS] [OPTIONS]\n\n";
  print_commands(noun, out);
}

void print_command_help(const Command& command, std::ostream& out) {
  out << "usage: " << usage_line(command) << "\n\n" << command.summary << "\n";
  if (!command.notes.empty()) out << "\n" << command.notes << "\n";
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto& option : all_options(command)) {
    std::string left = option.letter ? fmt::format("-{}, ", option.letter) : "    ";
    left += "--" + option.name + (option.value.empty() ? "" : "=" + option.value);
    lines.emplace_back(left, option.summary);
  }
  for (const auto& positional : command.positionals)
    if (positional.letter)
      lines.emplace_back(
          fmt::format("-{}, --{}={}", positional.letter, positional.name, upper(positional.name)),
          "instead of the argument by place");
  if (!lines.empty()) {
    out << "\noptions:\n";
    two_columns(out, lines);
  }
  if (!command.examples.empty()) {
    out << "\nexamples:\n";
    for (const auto& example : command.examples) out << "  " << example << "\n";
  }
}

}  // namespace tamis::cli
