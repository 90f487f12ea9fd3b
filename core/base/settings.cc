#include "core/base/settings.h"

#include <gflags/gflags.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/suggest.h"
#include "core/base/yaml.h"

DECLARE_bool(help);
DEFINE_string(config, "", "a YAML file of settings, one `flag: value` a line");
DEFINE_bool(settings_json, false, "print the flags as JSON and end");

namespace tamis::base {
namespace {

std::string environment_name(const std::string& flag) {
  std::string name = "TAMIS_";
  for (const char c : flag)
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

bool is_secret(const std::string& flag) {
  for (const char* word : {"password", "api_key", "token", "secret"})
    if (flag.find(word) != std::string::npos) return true;
  return false;
}

bool is_ours(const gflags::CommandLineFlagInfo& flag) {
  return flag.filename.find("gflags") == std::string::npos && flag.filename.find("src/") != 0;
}

std::vector<gflags::CommandLineFlagInfo> our_flags() {
  std::vector<gflags::CommandLineFlagInfo> all, ours;
  gflags::GetAllFlags(&all);
  for (const auto& flag : all)
    if (is_ours(flag) && flag.name != "settings_json") ours.push_back(flag);
  std::sort(ours.begin(), ours.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return ours;
}

void set(const std::string& flag, const std::string& value, const std::string& where) {
  if (gflags::SetCommandLineOption(flag.c_str(), value.c_str()).empty())
    throw UserError("{}: \"{}\" can't be {}", where, flag, is_secret(flag) ? "***" : "\"" + value + "\"");
}

void read_file(const std::string& path, const std::set<std::string>& on_command_line) {
  std::ifstream in(path);
  if (!in) throw UserError("can't read the settings file \"{}\"", path);
  std::stringstream content;
  content << in.rdbuf();
  Findings findings;
  const auto documents = parse_yaml(content.str(), findings);
  if (findings.has_errors()) throw UserError("{}", findings.text(path, content.str()));
  std::vector<std::string> names;
  for (const auto& flag : our_flags()) names.push_back(flag.name);
  for (const auto& document : documents)
    for (const auto& entry : document.entries) {
      if (std::find(names.begin(), names.end(), entry.key) == names.end())
        throw UserError("{}:{}: there is no setting \"{}\"{}", path, entry.key_span.line, entry.key,
                        did_you_mean(entry.key, names));
      if (!on_command_line.contains(entry.key)) set(entry.key, entry.value.text, path);
    }
}

void print_help() {
  fmt::print(
      "usage: {} [--FLAG=VALUE]...\n\nEvery flag is also a variable, TAMIS_<FLAG>, and a line of the "
      "--config file.\n\n",
      gflags::ProgramInvocationShortName());
  if (const std::string_view about = gflags::ProgramUsage(); !about.starts_with("Warning:"))
    fmt::print("{}\n\n", about);
  size_t width = 0;
  for (const auto& flag : our_flags()) width = std::max(width, flag.name.size());
  for (const auto& flag : our_flags())
    fmt::print("  --{:<{}}  {}{}\n", flag.name, width, flag.description,
               flag.default_value.empty() ? "" : fmt::format(" (default {})", flag.default_value));
}

}  // namespace

void load_settings(int& argc, char**& argv) {
  // The config file's own place comes from the command line or the environment, and what the command line
  // says wins over both: so it is noted first, then the lower layers are filled in around it.
  gflags::ParseCommandLineNonHelpFlags(&argc, &argv, true);
  if (FLAGS_help || FLAGS_settings_json) {
    FLAGS_help ? print_help() : fmt::print("{}\n", settings_json().dump(1));
    std::exit(0);
  }
  std::set<std::string> on_command_line;
  for (const auto& flag : our_flags())
    if (!flag.is_default) on_command_line.insert(flag.name);
  if (!on_command_line.contains("config"))
    if (const char* value = std::getenv("TAMIS_CONFIG")) FLAGS_config = value;
  if (!FLAGS_config.empty()) read_file(FLAGS_config, on_command_line);
  for (const auto& flag : our_flags()) {
    const auto name = environment_name(flag.name);
    if (const char* value = std::getenv(name.c_str());
        value != nullptr && !on_command_line.contains(flag.name))
      set(flag.name, value, name);
  }
}

std::vector<FlagDescription> describe_flags() {
  std::vector<FlagDescription> out;
  for (const auto& flag : our_flags())
    out.push_back({flag.name, flag.type, flag.default_value, flag.description, environment_name(flag.name),
                   is_secret(flag.name)});
  return out;
}

Json settings_json() {
  Json out = Json::array();
  for (const auto& flag : describe_flags())
    out.push_back({{"name", flag.name},
                   {"type", flag.type},
                   {"default", flag.default_value},
                   {"summary", flag.summary},
                   {"environment", flag.environment},
                   {"secret", flag.secret}});
  return out;
}

Json settings_in_force() {
  Json out = Json::object();
  for (const auto& flag : our_flags())
    out[flag.name] = is_secret(flag.name) && !flag.current_value.empty() ? "***" : flag.current_value;
  return out;
}

}  // namespace tamis::base
