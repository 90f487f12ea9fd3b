#include "cli/parse.h"

#include <algorithm>

#include "cli/help.h"
#include "core/base/error.h"
#include "core/base/settings.h"
#include "core/base/suggest.h"

namespace tamis::cli {
namespace {

std::string with_underscores(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

const base::FlagDescription* find_setting(const std::string& name) {
  static const auto settings = base::describe_flags();
  for (const auto& setting : settings)
    if (setting.name == name) return &setting;
  return nullptr;
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& words) : words_(words) {}

  Parsed run() {
    while (at_ < words_.size()) {
      const std::string& word = words_[at_++];
      if (!only_arguments_ && word == "--") {
        only_arguments_ = true;
      } else if (!only_arguments_ && word.starts_with("--") && word.size() > 2) {
        take_long(word.substr(2));
      } else if (!only_arguments_ && word.starts_with('-') && word.size() > 1) {
        take_letter(word);
      } else {
        take_word(word);
      }
      if (parsed_.help && parsed_.command) return parsed_;
    }
    finish();
    return parsed_;
  }

 private:
  void take_word(const std::string& word) {
    if (parsed_.command) return arguments_.push_back(word);
    if (parsed_.noun.empty()) return take_noun(word);
    std::vector<std::string> verbs;
    for (const auto& command : commands()) {
      if (command.noun != parsed_.noun) continue;
      if (command.verb == word) return take_command(command);
      verbs.push_back(command.verb);
    }
    if (word == "help") {
      parsed_.help = true;
      return;
    }
    throw base::UserError("\"tamis {}\" has no verb \"{}\"{}; `tamis {} --help` lists them", parsed_.noun,
                          word, base::did_you_mean(word, verbs), parsed_.noun);
  }

  void take_noun(const std::string& word) {
    std::vector<std::string> nouns;
    // `standalone` is a command by itself and has verbs too.
    const bool verb_follows =
        at_ < words_.size() && std::any_of(commands().begin(), commands().end(), [&](const Command& command) {
          return command.noun == word && command.verb == words_[at_];
        });
    for (const auto& command : commands()) {
      if (command.noun == word && command.verb.empty() && !verb_follows) {
        parsed_.noun = word;
        return take_command(command);
      }
      if (command.noun == word) {
        parsed_.noun = word;
        return;
      }
      nouns.push_back(command.noun);
    }
    if (word == "help") {
      parsed_.help = true;
      return;
    }
    throw base::UserError("there is no command \"{}\"{}; `tamis --help` lists them", word,
                          base::did_you_mean(word, nouns));
  }

  void take_command(const Command& command) {
    parsed_.command = &command;
    options_ = all_options(command);
    for (const auto& positional : command.positionals)
      if (positional.letter) options_.push_back({positional.name, positional.letter, "VALUE", "", {}});
  }

  void take_long(const std::string& text) {
    const size_t equals = text.find('=');
    const std::string name = with_underscores(text.substr(0, equals));
    const bool has_value = equals != std::string::npos;
    if (name == "help") {
      parsed_.help = true;
      return;
    }
    for (const auto& option : options_)
      if (option.name == name)
        return take_option(option, has_value ? text.substr(equals + 1) : "", has_value, "--" + name);
    if (const auto* setting = find_setting(name);
        setting || (name.starts_with("no") && find_setting(name.substr(2)))) {
      if (has_value || !setting || setting->type == "bool") {
        parsed_.settings.push_back("--" + name + (has_value ? text.substr(equals) : ""));
      } else {
        parsed_.settings.push_back("--" + name + "=" + next_word("--" + name));
      }
      return;
    }
    std::vector<std::string> known;
    for (const auto& option : options_) known.push_back(option.name);
    for (const auto& setting : base::describe_flags()) known.push_back(setting.name);
    throw base::UserError("{} has no option \"--{}\"{}; see `{} --help`", shown_words(),
                          text.substr(0, equals), base::did_you_mean(name, known), shown_words());
  }

  void take_letter(const std::string& word) {
    if (word == "-h") {
      parsed_.help = true;
      return;
    }
    for (const auto& option : options_)
      if (option.letter == word[1])
        return take_option(option, word.substr(word.size() > 2 && word[2] == '=' ? 3 : 2), word.size() > 2,
                           word.substr(0, 2));
    // A number below nothing is an argument.
    if (parsed_.command && std::isdigit(static_cast<unsigned char>(word[1])))
      return arguments_.push_back(word);
    throw base::UserError("{} has no option \"{}\"; see `{} --help`", shown_words(), word, shown_words());
  }

  void take_option(const Option& option, const std::string& value, bool has_value, const std::string& shown) {
    if (option.value.empty()) {
      if (has_value && value != "true" && value != "false") throw base::UserError("{} takes no value", shown);
      if (!has_value || value == "true") parsed_.values[option.name] = {};
      return;
    }
    const std::string taken = has_value ? value : next_word(shown);
    if (!option.one_of.empty() &&
        std::find(option.one_of.begin(), option.one_of.end(), taken) == option.one_of.end()) {
      std::string words;
      for (const auto& word : option.one_of) words += (words.empty() ? "" : ", ") + word;
      throw base::UserError("{} can't be \"{}\"{}: it takes {}", shown, taken,
                            base::did_you_mean(taken, option.one_of), words);
    }
    parsed_.values[option.name].push_back(taken);
  }

  std::string next_word(const std::string& shown) {
    if (at_ == words_.size()) throw base::UserError("{} needs a value", shown);
    return words_[at_++];
  }

  void finish() {
    if (!parsed_.command) {
      if (!arguments_.empty() || parsed_.noun.empty() || parsed_.help) return;
      throw base::UserError("\"tamis {}\" needs a verb; `tamis {} --help` lists them", parsed_.noun,
                            parsed_.noun);
    }
    size_t next = 0;
    for (const auto& positional : parsed_.command->positionals) {
      auto& values = parsed_.values[positional.name];
      if (!values.empty()) continue;
      while (next < arguments_.size() && (values.empty() || positional.many))
        values.push_back(arguments_[next++]);
      if (!values.empty()) continue;
      parsed_.values.erase(positional.name);
      if (positional.required)
        throw base::UserError("{} needs {}\nusage: {}", shown_words(), positional.name,
                              usage_line(*parsed_.command));
    }
    if (next < arguments_.size())
      throw base::UserError("{} takes no \"{}\"\nusage: {}", shown_words(), arguments_[next],
                            usage_line(*parsed_.command));
  }

  std::string shown_words() const {
    if (parsed_.command) return "tamis " + parsed_.command->words();
    return parsed_.noun.empty() ? "tamis" : "tamis " + parsed_.noun;
  }

  const std::vector<std::string>& words_;
  size_t at_ = 0;
  bool only_arguments_ = false;
  Parsed parsed_;
  std::vector<Option> options_;
  std::vector<std::string> arguments_;
};

}  // namespace

Parsed parse(const std::vector<std::string>& words) {
  return Parser(words).run();
}

}  // namespace tamis::cli
