#include "cli/program.h"

#include "cli/command.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "core/base/log.h"
#include "core/base/settings.h"

namespace tamis::cli {
namespace {

void load(const std::vector<std::string>& settings) {
  std::vector<std::string> texts{"tamis"};
  texts.insert(texts.end(), settings.begin(), settings.end());
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  int argc = static_cast<int>(texts.size());
  char** argv = pointers.data();
  base::load_settings(argc, argv);
  base::start_logging("tamis");
}

int dispatch(const std::vector<std::string>& words, std::ostream& out, std::ostream& err) {
  const auto parsed = parse(words);
  if (parsed.command && parsed.help) {
    print_command_help(*parsed.command, out);
    return ok;
  }
  if (!parsed.command) {
    parsed.noun.empty() ? print_help(out) : print_noun_help(parsed.noun, out);
    return ok;
  }
  load(parsed.settings);
  Invocation invocation(*parsed.command, out, err);
  invocation.values = parsed.values;
  return parsed.command->run(invocation);
}

}  // namespace

int run(const std::vector<std::string>& words, std::ostream& out, std::ostream& err) {
  try {
    return dispatch(words, out, err);
  } catch (const Unreachable& error) {
    err << "tamis: " << error.what() << "\n";
    return unreachable;
  } catch (const base::NotFound& error) {
    err << "tamis: " << error.what() << "\n";
    return not_found;
  } catch (const base::Conflict& error) {
    err << "tamis: " << error.what() << "\n";
    return conflict;
  } catch (const FaultyDag& error) {
    err << error.text << "tamis: " << error.what() << "\n";
    return failed;
  } catch (const base::UserError& error) {
    err << "tamis: " << error.what() << "\n";
    return usage;
  } catch (const base::TransientError& error) {
    err << "tamis: " << error.what() << "\n";
    return unreachable;
  } catch (const std::exception& error) {
    err << "tamis: " << error.what() << "\n";
    return failed;
  }
}

}  // namespace tamis::cli
