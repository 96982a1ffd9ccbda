#pragma once

#include "loadtest/scenario.hpp"

namespace policyd::loadtest {

extern const Scenario kBurst;

}  // namespace policyd::loadtest
