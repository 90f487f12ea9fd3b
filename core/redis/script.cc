#include "core/base/sha1.h"
#include "core/redis/client.h"

namespace tamis::redis {

Script::Script(std::string_view source) : source_(source), sha_(base::sha1_hex(source)) {}

Command Script::command(const std::vector<std::string>& keys, const std::vector<std::string>& args) const {
  Command command{"EVALSHA", sha_, std::to_string(keys.size())};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), args.begin(), args.end());
  return command;
}

}  // namespace tamis::redis
