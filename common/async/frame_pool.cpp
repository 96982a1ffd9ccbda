#include "common/async/frame_pool.hpp"

#include <array>
#include <new>

namespace policyd::async {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

void* AllocateFrame(std::size_t size) {
    return ::operator new(size);
}

void FreeFrame(void* frame, std::size_t) noexcept {
    ::operator delete(frame);
}

#else

namespace {

constexpr std::size_t kStep = 64;      // sizes are rounded up to multiples of this
constexpr std::size_t kSizes = 32;     // larger frames are not kept
constexpr std::size_t kMostKept = 64;  // of each size

class Pool {
public:
    Pool() = default;
    Pool(const Pool&) = delete;
    ~Pool() {
        for (Shelf& shelf : shelves_)
            while (shelf.kept > 0) ::operator delete(shelf.frames[--shelf.kept]);
    }

    void* Take(std::size_t size) {
        const std::size_t place = Place(size);
        if (place >= kSizes) return ::operator new(size);
        Shelf& shelf = shelves_[place];
        if (shelf.kept > 0) return shelf.frames[--shelf.kept];
        return ::operator new((place + 1) * kStep);
    }

    void Give(void* frame, std::size_t size) noexcept {
        const std::size_t place = Place(size);
        if (place >= kSizes || shelves_[place].kept == kMostKept) return ::operator delete(frame);
        shelves_[place].frames[shelves_[place].kept++] = frame;
    }

private:
    struct Shelf {
        std::array<void*, kMostKept> frames;
        std::size_t kept = 0;
    };

    static std::size_t Place(std::size_t size) { return (size - 1) / kStep; }

    std::array<Shelf, kSizes> shelves_;
};

thread_local Pool pool;

}  // namespace

void* AllocateFrame(std::size_t size) {
    return pool.Take(size);
}

void FreeFrame(void* frame, std::size_t size) noexcept {
    pool.Give(frame, size);
}

#endif

}  // namespace policyd::async
