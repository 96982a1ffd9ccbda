#include "loadtest/burst.hpp"

#include "loadtest/steady.hpp"

namespace policyd::loadtest {

const Scenario kBurst{
    "burst",
    "the requests of steady, many at the same moment and then none for a while",
    &ArrivalsInBursts,
    &NewPolicyClient<SteadyScript>,
};

}  // namespace policyd::loadtest
