// The api's own flags as plain values.  Filled once, by main().
#pragma once
#include <string>
#include <vector>

#include "api/backend.h"
#include "api/server.h"
#include "core/base/connections.h"

namespace tamis::api {

struct Flags {
  ServerOptions server;
  std::string dags_folder;
  std::vector<DataStore> data;
};

/// Throws UserError for values that can't be.
Flags read_flags(const base::Connections& connections);

}  // namespace tamis::api
