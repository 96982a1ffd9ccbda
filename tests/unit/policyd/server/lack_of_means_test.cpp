#include "policyd/server/lack_of_means.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <system_error>

#include "common/async/event_loop.hpp"
#include "common/config/config_error.hpp"
#include "common/config/config_file.hpp"
#include "common/tables/table_registry.hpp"
#include "tests/support/few_descriptors.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::server {
namespace {

bool EndsByLackOfMeans(const std::function<void()>& function, int descriptors = 1'000) {
    std::exception_ptr thrown;
    {
        const test::FewDescriptors few(descriptors);
        try {
            function();
        } catch (...) {
            thrown = std::current_exception();
        }
    }
    try {
        if (thrown) std::rethrow_exception(thrown);
        ADD_FAILURE() << "no failure";
    } catch (const std::exception& failure) {
        return IsLackOfMeans(failure);
    }
    return false;
}

TEST(LackOfMeansTest, IsWhatTheSystemSays) {
    EXPECT_TRUE(IsLackOfMeans(std::bad_alloc()));
    EXPECT_TRUE(IsLackOfMeans(std::system_error(EAGAIN, std::generic_category())));
    EXPECT_TRUE(IsLackOfMeans(async::UvError("uv_async_init", UV_EMFILE)));
    EXPECT_FALSE(IsLackOfMeans(std::system_error(ENOENT, std::generic_category())));
    EXPECT_FALSE(IsLackOfMeans(async::UvError("uv_listen", UV_EADDRINUSE)));
    EXPECT_FALSE(IsLackOfMeans(config::ConfigError("a mistake")));
}

TEST(LackOfMeansTest, KeepsFilesFromBeingReadWithoutAMistakeInThem) {
    const test::ScratchDirectory scratch;
    const std::string table = scratch.Write("table", "a b\n").string();
    const std::string list = "texthash:" + table;
    const std::string config =
        scratch.Write("policyd.toml", "virtual_mailbox_maps = [\"" + list + "\"]\n").string();
    async::EventLoop loop;
    tables::TableRegistry registry(loop, {});
    using Function = std::function<void()>;
    const Function open = [&] { registry.OpenChain("virtual_mailbox_maps", {list}); };
    const Function load = [&] { config::LoadConfigFile(config); };
    const Function load_with_tables = [&] {
        config::ParseConfig("virtual_mailbox_maps = [\"" + list + "\"]\n", config);
    };
    const Function load_missing = [&] { config::LoadConfigFile(config + ".missing"); };
    // First this: the sanitizers need no more descriptors for the same exceptions then.
    std::filesystem::remove(table);
    for (const Function& function : {open, load, load_with_tables, load_missing})
        EXPECT_FALSE(EndsByLackOfMeans(function));

    scratch.Write("table", "a b\n");
    EXPECT_TRUE(EndsByLackOfMeans(open, 0));
    EXPECT_TRUE(EndsByLackOfMeans(load, 0));
    EXPECT_TRUE(EndsByLackOfMeans(load_with_tables, 0));
    EXPECT_TRUE(EndsByLackOfMeans([] { async::EventLoop(); }, 1));
}

}  // namespace
}  // namespace policyd::server
