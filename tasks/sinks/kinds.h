// The kinds of sinks, one a file; listed by registry.cc.
#pragma once
#include "tasks/sinks/sink.h"

namespace tamis::sinks {

SinkKind elasticsearch_sink();
SinkKind kafka_sink();
SinkKind sqlite_sink();
SinkKind files_sink();
SinkKind stdout_sink();

}  // namespace tamis::sinks
