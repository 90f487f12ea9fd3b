#include <algorithm>

#include "cli/commands/all.h"
#include "cli/help.h"
#include "core/base/settings.h"

namespace tamis::cli {
namespace {

/// One case a command: its words and options come from the table, so that it is never behind.
int run(Invocation& invocation) {
  std::string nouns, verbs, options;
  std::vector<std::string> seen;
  for (const auto& command : commands()) {
    const bool is_new = std::find(seen.begin(), seen.end(), command.noun) == seen.end();
    if (is_new) {
      seen.push_back(command.noun);
      nouns += " " + command.noun;
      std::string of_noun;
      for (const auto& other : commands())
        if (other.noun == command.noun && !other.verb.empty()) of_noun += " " + other.verb;
      if (!of_noun.empty())
        verbs += fmt::format("    {}) words=\"{}\" ;;\n", command.noun, of_noun.substr(1));
    }
    std::string of_command = "--help";
    for (const auto& option : all_options(command))
      of_command += " --" + option.name + (option.value.empty() ? "" : "=");
    options += fmt::format("    \"{}\"{}) words=\"{}\" ;;\n", command.words(),
                           command.verb.empty() ? "\\ *" : "", of_command);
  }
  std::string settings;
  for (const auto& setting : base::describe_flags()) settings += " --" + setting.name + "=";
  invocation.out << "# bash completion for tamis: source <(tamis completion bash)\n_tamis() {\n"
                    "  local word=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\"\n  COMPREPLY=()\n"
                    "  if [[ $COMP_CWORD -eq 1 ]]; then\n    words=\""
                 << nouns.substr(1)
                 << "\"\n  elif [[ $word == -* ]]; then\n    case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n"
                 << options << "    *) words=\"--help\" ;;\n    esac\n    words+=\"" << settings
                 << "\"\n  elif [[ $COMP_CWORD -eq 2 ]]; then\n    case \"${COMP_WORDS[1]}\" in\n"
                 << verbs
                 << "    esac\n  else\n    COMPREPLY=($(compgen -f -- \"$word\"))\n    return\n  fi\n"
                    "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                    "  [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace\n}\ncomplete -F _tamis tamis\n";
  return ok;
}

}  // namespace

Command completion() {
  return {.noun = "completion",
          .verb = "",
          .summary = "completion for bash",
          .positionals = {{.name = "shell", .required = false}},
          .options = {},
          .examples = {"source <(tamis completion bash)"},
          .notes = "",
          .prints_rows = false,
          .run = [](Invocation& invocation) {
            if (invocation.text("shell", "bash") != "bash")
              throw base::UserError("only bash is known here, not \"{}\"", invocation.text("shell"));
            return run(invocation);
          }};
}

}  // namespace tamis::cli
