//! An extension module in Rust: grind.mill(seconds).
use std::ffi::{c_char, c_double, c_int, c_void};
use std::hint::black_box;
use std::time::{Duration, Instant};

mod stones {
    #[inline(always)]
    pub fn turn(value: u64) -> u64 {
        (0..20_000u64).fold(value, |sum, i| sum.wrapping_add((sum ^ i) % 7))
    }

    #[inline(never)]
    pub fn rounds(seconds: f64) -> u64 {
        let begin = super::Instant::now();
        let mut value = 1;
        while begin.elapsed() < super::Duration::from_secs_f64(seconds) {
            value = super::black_box(turn(super::black_box(value)));
        }
        value
    }
}

extern "C" {
    fn PyModule_Create2(module: *mut c_void, version: c_int) -> *mut c_void;
    fn PyFloat_AsDouble(object: *mut c_void) -> c_double;
    fn PyLong_FromUnsignedLongLong(value: u64) -> *mut c_void;
}

extern "C" fn mill(_: *mut c_void, seconds: *mut c_void) -> *mut c_void {
    unsafe { PyLong_FromUnsignedLongLong(stones::rounds(PyFloat_AsDouble(seconds))) }
}

// What Include/moduleobject.h and methodobject.h declare.
#[repr(C)]
struct Method {
    name: *const c_char,
    function: Option<extern "C" fn(*mut c_void, *mut c_void) -> *mut c_void>,
    flags: c_int,
    doc: *const c_char,
}

#[repr(C)]
struct Definition {
    base: [usize; 5], // of which the first is its count of references
    name: *const c_char,
    doc: *const c_char,
    size: isize,
    methods: *const Method,
    rest: [usize; 4],
}

#[no_mangle]
pub extern "C" fn PyInit_grind() -> *mut c_void {
    const TAKES_ONE: c_int = 8; // METH_O
    const ABI: c_int = 1013; // PYTHON_API_VERSION
    let end = Method { name: std::ptr::null(), function: None, flags: 0, doc: std::ptr::null() };
    let mill = Method { name: c"mill".as_ptr(), function: Some(mill), flags: TAKES_ONE, doc: std::ptr::null() };
    let methods = Box::leak(Box::new([mill, end]));
    let definition = Box::leak(Box::new(Definition {
        base: [1, 0, 0, 0, 0],
        name: c"grind".as_ptr(),
        doc: std::ptr::null(),
        size: -1,
        methods: methods.as_ptr(),
        rest: [0; 4],
    }));
    unsafe { PyModule_Create2(std::ptr::from_mut(definition).cast(), ABI) }
}
