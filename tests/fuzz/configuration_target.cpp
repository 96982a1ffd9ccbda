#include "common/config/config_file.hpp"
#include "common/config/reference.hpp"
#include "tests/fuzz/targets.hpp"

namespace policyd::fuzz {

void RunConfiguration(std::string_view bytes) {
    try {
        const config::ConfigFile file = config::ParseConfig(bytes, "fuzz");
        const std::string shown = config::ShowAll(file.settings);
        Require(config::ParseConfig(shown, "shown").settings == file.settings,
                "what is shown can be read again");
    } catch (const config::ConfigError&) {
    }
}

}  // namespace policyd::fuzz
