#pragma once

#include "loadtest/scenario.hpp"

namespace policyd::loadtest {

extern const Scenario kSmtp;

}  // namespace policyd::loadtest
