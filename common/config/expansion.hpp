#pragma once

#include <string_view>

#include "common/config/settings.hpp"

namespace policyd::config {

/// `settings` with every $name, ${name} and $(name) in the texts of the mail-system section
/// replaced by the value of that option, as Postfix does; $$ is a dollar sign. An empty mydomain
/// becomes what follows the first dot of myhostname. Throws std::invalid_argument for a name that
/// is no option of that section, or that leads to itself; the text begins with the name of the
/// option that holds it.
Settings Expanded(const Settings& unexpanded);

}  // namespace policyd::config
