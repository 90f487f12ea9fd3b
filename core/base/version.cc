#include "core/base/version.h"

namespace tamis::base {

const std::string_view version = TAMIS_VERSION;

}  // namespace tamis::base
