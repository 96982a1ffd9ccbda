#pragma once

#include <string_view>
#include <vector>

#include "loadtest/scenario.hpp"

namespace policyd::loadtest {

/// All scenarios, in the order in which they are listed to people.
const std::vector<const Scenario*>& Scenarios();

/// Null if there is none of this name.
const Scenario* FindScenario(std::string_view name);

}  // namespace policyd::loadtest
