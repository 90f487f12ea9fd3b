// The help at every level, from the table of commands.
#pragma once
#include <ostream>
#include <string>

#include "cli/command.h"

namespace tamis::cli {

void print_help(std::ostream& out);
void print_noun_help(const std::string& noun, std::ostream& out);
void print_command_help(const Command& command, std::ostream& out);
/// `tamis dags trigger DAG_ID [OPTIONS]`
std::string usage_line(const Command& command);
/// The options of a command, those of rows included.
std::vector<Option> all_options(const Command& command);

}  // namespace tamis::cli
